#!/bin/bash
# A sweep without Snakemake, for a table of 16 runs, 4 of them at once:
# sbatch --array=1-16%4 --gres=gpu:1 workflow/array.sh workflow/losses.csv build/sweep/losses
#SBATCH --cpus-per-task=1 --mem=8000 --time=1-0
set -euo pipefail
run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))s/,.*//p" "$1")
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK TF_NUM_INTRAOP_THREADS=$SLURM_CPUS_PER_TASK TF_NUM_INTEROP_THREADS=1
.venv/bin/python workflow/row.py "$1" "$run" "$2" "${@:3}"
