# Decides where each server comes from. A server named in MESSAGING_TEST_… needs nothing. Sourced by all.sh.

: "${MESSAGING_TEST_RABBITMQ_IMAGE:=rabbitmq:4-management}"
: "${MESSAGING_TEST_POSTGRES_IMAGE:=postgres:17}"
: "${MESSAGING_TEST_SQLSERVER_IMAGE:=mcr.microsoft.com/mssql/server:2022-latest}"
export MESSAGING_TEST_RABBITMQ_IMAGE MESSAGING_TEST_POSTGRES_IMAGE MESSAGING_TEST_SQLSERVER_IMAGE

provide_postgres() {
  [ -z "${MESSAGING_TEST_POSTGRES:-}" ] || return 0
  if $DOCKER && pull "$MESSAGING_TEST_POSTGRES_IMAGE"; then return 0; fi
  install initdb
}

provide_sqlserver() {
  [ -z "${MESSAGING_TEST_SQLSERVER:-}" ] && $DOCKER || return 0
  pull "$MESSAGING_TEST_SQLSERVER_IMAGE" || true
}

# The image also when a broker is named: that one is ours neither to kill nor to cluster.
provide_rabbitmq() {
  if $DOCKER && provide_rabbitmq_image; then return 0; fi
  [ -n "${MESSAGING_TEST_RABBITMQ:-}" ] || install rabbitmq-server
}

# An image made by an earlier run is taken before a pull is tried, so that a machine without a registry asks it only once.
provide_rabbitmq_image() {
  has_image "$MESSAGING_TEST_RABBITMQ_IMAGE" && return 0
  local own
  own=$(own_image rabbitmq)
  if ! has_image "$own"; then
    pull "$MESSAGING_TEST_RABBITMQ_IMAGE" && return 0
    build_image rabbitmq RabbitMQ || return 1
  fi
  export MESSAGING_TEST_RABBITMQ_IMAGE=$own
  # Testcontainers' own cleaner is one more image that cannot be pulled; the tests and ./test clean up themselves.
  export TESTCONTAINERS_RYUK_DISABLED=true
}

# The image that NAME-image/build makes: another one as soon as its scripts change.
own_image() { echo "messaging-test-$1:$(cat "$ROOT/tests/provide/$1-image"/* | sha256sum | cut -c1-12)"; }

# build_image NAME TITLE
build_image() {
  [ "$(id -u)" = 0 ] || return 1
  install debootstrap
  have debootstrap || return 1
  say "making a $2 image from Debian packages (once; one to three minutes)"
  "$ROOT/tests/provide/$1-image/build" "$(own_image "$1")" "$WORK/$1-image" >"$WORK/image.log" 2>&1 && return 0
  say "  failed:"; tail -n 5 "$WORK/image.log"
  return 1
}
