"""Generators as ONNX files: exporting them, storing their weights in fewer bits, and running them with ONNX Runtime."""
