# Debian and Ubuntu packages that the tests can use. Sourced by all.sh.

# program that shows it is there : package
declare -A PACKAGE_OF=(
  [dockerd]=docker.io
  [docker-compose]=docker-compose
  [debootstrap]=debootstrap
  [rabbitmq-server]=rabbitmq-server
  [initdb]=postgresql
  [chromium]=chromium
  [faketime]=faketime
)

have() {
  case $1 in
    initdb) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ;;
    *) command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# install PROGRAM…: what is missing, and nothing when it cannot be done; the caller looks again.
install() {
  local missing=() program
  for program; do have "$program" || missing+=("${PACKAGE_OF[$program]}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! can_install; then
    say "cannot install ${missing[*]} here (needs apt-get and root, or sudo without a password)"
    return 0
  fi
  say "installing ${missing[*]}"
  without_starting_services apt_install "${missing[@]}"
}

apt_install() {
  local log="$WORK/apt.log"
  as_root apt-get update >"$log" 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 \
    || { say "apt-get failed:"; tail -n 15 "$log"; }
}

# A package would start its server on the usual port. The tests start their own; a policy of the machine's own is left alone.
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then "$@"; return; fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  as_root chmod +x $policy
  "$@"
  as_root rm -f $policy
}
