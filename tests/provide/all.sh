# Servers for whoever starts some: sourced, with ROOT set, by ./test, bench/run and tests/storm. `provide KIND…` gets them,
# `release_servers` must be called at the end.

say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }

WORK=$(mktemp -d)
DOCKER=false
export MESSAGING_TEST_RUN="run-$$-$(date +%s)"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

. "$ROOT/tests/provide/packages.sh"
. "$ROOT/tests/provide/docker.sh"
. "$ROOT/tests/provide/servers.sh"
. "$ROOT/tests/provide/compose.sh"

# provide KIND…: postgres, rabbitmq, sqlserver, compose.
provide() {
  # Two runs at once must not both call apt-get or start an engine.
  exec 9>"${TMPDIR:-/tmp}/messaging-test.lock"
  ! command -v flock >/dev/null || flock 9
  ! provide_docker || DOCKER=true
  local kind
  for kind; do
    "provide_$kind"
  done
  exec 9>&-
}

release_servers() {
  remove_our_containers
  stop_dockerd
  rm -rf --one-file-system "$WORK"
}
