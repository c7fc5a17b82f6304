#!/usr/bin/env bash
# The environments that readers have: builds the HTML and executes a short page in each, and prints a line for
# each. Needs `make setup` before, whose .venv all of them share; fails if one of them does.
#
#   tests/environments.sh            all of them, in a few minutes
#   tests/environments.sh path user  only these
set -uo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
all=(home locale readonly tarball path user)
work=$(mktemp -d)
chmod 755 "$work"
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
failed=0

share() { # the .venv with the copy in folder $1, as new as its lock: nothing is to be installed
  ln -s "$repo/.venv" "$1/.venv" && touch -r "$repo/.venv/.ready" "$1/requirements.lock" "$1/pyproject.toml"
}

clone() { git clone -q "$repo" "$1" && share "$1"; } # with its history

unpack() { mkdir -p "$1" && git -C "$repo" archive HEAD | tar x -C "$1" && share "$1"; }

as_user() { # an ordinary user: nobody, if this is root
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}

build() { # what a reader does in folder $1, with the rest of the arguments before the commands
  local folder=$1
  shift
  (cd "$folder" && export PYTHONPATH="$folder/src" OMP_NUM_THREADS=1 &&
    "$@" make html && "$@" .venv/bin/startright book execute --page "${page:-claims}") >"$work/log" 2>&1
}

say() { # the line of environment $1: what was expected, and whether $2 is 0
  if [ "$2" = 0 ]; then
    echo "ok      $1: $3"
  else
    failed=1
    echo "FAILED  $1: $3"
    tail -n 15 "$work/log" | sed 's/^/          /'
  fi
}

home() {
  clone "$work/home" && touch "$work/file" &&
    page=edge-of-chaos build "$work/home" env HOME="$work/file/none" # a page with figures: matplotlib wants a cache
  say home $? "a home that cannot be written"
}

locale() {
  clone "$work/locale" &&
    build "$work/locale" env LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii
  say locale $? "ASCII in place of UTF-8"
}

readonly_() {
  unpack "$work/readonly" && chmod -R a-w "$work/readonly"
  ! build "$work/readonly" as_user env HOME="$work" &&
    grep -q '^startright: .*_build cannot be written' "$work/log" && ! grep -q Traceback "$work/log"
  say readonly $? "a checkout that cannot be written is refused in one line"
}

tarball() {
  unpack "$work/tarball" && build "$work/tarball" env GIT_CEILING_DIRECTORIES="$work"
  say tarball $? "an unpacked archive, without history"
}

path() {
  clone "$work/my books/Öffnung #1" && build "$work/my books/Öffnung #1"
  say path $? "a path with spaces, an umlaut and a hash sign"
}

user() {
  unpack "$work/user" && mkdir "$work/nobody"
  [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$work/user" "$work/nobody"
  build "$work/user" as_user env HOME="$work/nobody"
  say user $? "an ordinary user"
}

[ -x "$repo/.venv/bin/startright" ] || { echo "no .venv in $repo: run \`make setup\` first"; exit 2; }
if ! as_user "$repo/.venv/bin/python" -c ''; then
  echo "an ordinary user cannot run $repo/.venv/bin/python: create .venv with a Python outside root's home"
  exit 2
fi
for name in "${@:-${all[@]}}"; do
  case " ${all[*]} " in
    *" $name "*) ;;
    *) echo "unknown environment '$name': one of ${all[*]}"; exit 2 ;;
  esac
  [ "$name" = readonly ] && name=readonly_
  "$name"
done
exit $failed
