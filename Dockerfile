# The web page in a container: docker build -t capture . && docker run --rm -p 127.0.0.1:7860:7860 capture
# For a machine without a GPU, --build-arg TORCH_INDEX=URL names the index of PyTorch's builds for CPUs, which are smaller.
FROM python:3.12-slim

ARG TORCH_INDEX=""
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch==2.12.1" "torchvision==0.27.1"
COPY pyproject.toml README.md LICENSE CHANGELOG.md CITATION.cff defaults.yaml /src/
COPY capture /src/capture
COPY configs /src/configs
COPY result/Toon /src/result/Toon
COPY result/Styles /src/result/Styles
COPY result/Styles256 /src/result/Styles256
RUN pip install --no-cache-dir "/src[app]" && rm -r /src

RUN useradd --create-home capture
USER capture
WORKDIR /home/capture
EXPOSE 7860
CMD ["capture", "app", "--host", "0.0.0.0", "--port", "7860"]
