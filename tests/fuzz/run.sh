#!/bin/bash
# run.sh [SECONDS] [TARGET...]: builds the fuzz targets with coverage counters and runs one after another.
# No nightly compiler is needed: the flags are those of cargo-fuzz, without a sanitizer (there is no unsafe code).
# What a target finds is left in artifacts/TARGET/; inputs that reach new code go to the build folder's corpus,
# so that the kept one stays small (`KEEP=1` merges them into it, each input only if it reaches something new).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-60}
shift || true
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-${TMPDIR:-/tmp}/magnum-conductor-fuzz}
counters="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
for kind in inline-8bit-counters pc-table trace-compares; do
  counters+=" -Cllvm-args=-sanitizer-coverage-$kind"
done
RUSTFLAGS="--cfg fuzzing $counters" cargo build --release --target "$host" --bins

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  mapfile -t targets < <(cd fuzz_targets && ls -- *.rs | sed 's/\.rs$//')
fi
failed=()
for target in "${targets[@]}"; do
  program=$CARGO_TARGET_DIR/$host/release/$target
  grown=$CARGO_TARGET_DIR/corpus/$target
  mkdir -p "$grown" "artifacts/$target"
  dictionary=()
  [[ -e dictionaries/$target.txt ]] && dictionary=("-dict=dictionaries/$target.txt")
  echo "== $target, $seconds s"
  "$program" "-max_total_time=$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -verbosity=0 "${dictionary[@]}" "-artifact_prefix=artifacts/$target/" "$grown" "corpus/$target" || failed+=("$target")
  if [[ -n ${KEEP:-} ]]; then
    "$program" -merge=1 -max_len="${KEEP_BYTES:-512}" "corpus/$target" "$grown"
  fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "found something: ${failed[*]}; see tests/fuzz/artifacts" >&2
  exit 1
fi
