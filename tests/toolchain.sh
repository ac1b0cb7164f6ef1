#!/bin/bash
# Says at once which tool the stack, the tests and the demonstration miss, or have too old, and what to install.
set -uo pipefail
problems=0
problem() { echo "$1" >&2; problems=$((problems + 1)); }

# need NAME FOUND LEAST WHAT-TO-DO
need() {
  if [[ -z $2 ]]; then
    problem "missing: $1 $3 or newer; $4"
  elif [[ $(printf '%s\n' "$3" "$2" | sort -V | head -1) != "$3" ]]; then
    problem "too old: $1 $2, needed is $3 or newer; $4"
  fi
}

version() { "$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rust=$(grep -m1 -oE '^rust-version = "[0-9.]+"' "$here/../Cargo.toml" | grep -oE '[0-9.]+')
go=$(awk '$1 == "go" { print $2 }' "$here/go/kubernetes/go.mod")
need Rust "$(version rustc --version)" "$rust" "install it with rustup: rustup toolchain install stable"
command -v cargo >/dev/null || problem "missing: cargo; it comes with Rust, by rustup"
need Go "$(version go version)" "$go" "install it from https://go.dev/dl and put its bin folder on PATH"
need Python "$(version python3 --version)" 3.11 "install it: apt-get install python3 python3-venv"
command -v cc >/dev/null || problem "missing: a C compiler, for linking; install it: apt-get install gcc libc6-dev"

if [[ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server || ! -x /usr/sbin/mariadbd ]]; then
  command -v apt-get >/dev/null || problem "missing: RabbitMQ and MariaDB, and no apt-get to install them with; use Debian 12 or newer"
fi
[[ $problems -eq 0 ]]
