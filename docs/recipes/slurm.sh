#!/bin/sh
# ResNet-50 on ImageNet: four machines with eight GPUs each, one process for each GPU.
#SBATCH --job-name=resnet50
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu

# Two minutes before the time is over, Slurm asks every process to stop, and all of them stop after
# the same step. A job that is begun again goes on with the folder that it has begun.
resume=""
if [ -f "$RUN_DIR/config.json" ]; then resume="--resume"; fi

exec srun --kill-on-bad-exit=1 jaxcnn train --distributed \
    --model resnet50 --model-options stem=imagenet --dataset image_folder --data-dir "$DATA_DIR" \
    --image-size 224 --resize-shorter 256 --random-crop 0.08 --augment flip --normalize imagenet \
    --batch-size 2048 --epochs 90 --optimizer momentum --lr 0.8 --weight-decay 0.0001 \
    --schedule cosine --warmup-steps 3125 --label-smoothing 0.1 \
    --precision mixed_bfloat16 --run-dir "$RUN_DIR" $resume
