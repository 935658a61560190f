#!/bin/bash
# Ten minutes on a machine with a GPU: tests that need it, the benchmark, and a training that is resumed.
#
#     tools/gpu_check.sh [FOLDER] [MINUTES] [PYTHON]      (result/gpu_check, 10, .venv/bin/python)
#
# Everything is written to FOLDER; summary.txt says what each part came to. Without a GPU the script says so, does the
# same on the CPU and ends with status 3, so that it can be tried anywhere. Status 1: a part failed.
set -u
cd "$(dirname "$0")/.."
folder=${1:-result/gpu_check}
minutes=${2:-10}
python=${3:-.venv/bin/python}
seconds=$((minutes * 60))
mkdir -p "$folder" || exit 2
summary=$folder/summary.txt
: > "$summary"
status=0

say() { echo "$*" | tee -a "$summary"; }

# part NAME SECONDS COMMAND...: runs a command, its output into FOLDER/NAME.txt, and says how it ended
part() {
    local name=$1 limit=$2 began=$SECONDS
    shift 2
    timeout --kill-after=10 "$limit" "$@" > "$folder/$name.txt" 2>&1
    local ended=$?
    case $ended in
        0) say "$name: done in $((SECONDS - began)) s" ;;
        124 | 137) say "$name: its $limit s were over"; status=1 ;;
        *) say "$name: failed with status $ended; see $folder/$name.txt"; status=1 ;;
    esac
}

{ date -u; nvidia-smi; lscpu; "$python" -m pip list --format=freeze; } > "$folder/machine.txt" 2>&1
device=$("$python" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")') || exit 2
if [ "$device" = cuda ]; then
    say "GPU: $("$python" -c 'import torch; print(torch.cuda.get_device_name(), "torch", torch.__version__)')"
else
    say "no GPU that torch can use here: the tests that need one are skipped, and the CPU is measured"
fi

train=("$python" train.py configs/capture_parts.yaml --dataset_path toon --toon_test_clips 0 --perceptual_weight 0
    --sample_rows 1 --validation_pairs 0 --result_path "$folder" --result_title training)
if [ "$device" = cuda ]; then
    train+=(--batch_size 32 --samples_per_epoch 6400 --num_workers 8 --precision bf16)
else
    train+=(--batch_size 2 --samples_per_epoch 4 --num_workers 0 --image_size 64 --precision fp32)
fi

part tests $((seconds / 5)) "$python" -m pytest -n 0 -m gpu -rs tests/gpu tests/nn/test_iuv.py
part benchmark $((seconds / 2)) "$python" benchmark.py --budget $((seconds * 45 / 100)) \
    inference training live --out "$folder/benchmark.json"
part training $((seconds / 8)) "${train[@]}" --num_epochs 1
part resumed $((seconds / 8)) "${train[@]}" --num_epochs 2
grep -q "resuming at" "$folder/resumed.txt" || { say "resumed: the checkpoint was not found"; status=1; }
tail -n 1 "$folder/training/metrics.jsonl" >> "$summary" 2> /dev/null
say "all of it is in $folder"
[ "$device" = cuda ] || { [ $status -eq 0 ] && status=3; }
exit $status
