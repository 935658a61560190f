"""Generators that OpenVINO computes on CPUs: converted from torch or read from ONNX files, several frames at a time."""
