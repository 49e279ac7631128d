# A Docker engine: the one that answers, else one that we start and stop again. Sourced by all.sh.

DOCKERD_PID=

docker_answers() {
  command -v docker >/dev/null && timeout 20 docker version --format '{{.Server.APIVersion}}' >/dev/null 2>&1
}

provide_docker() {
  docker_answers || start_dockerd || true
  docker_answers || { say "no Docker engine can be had here; local servers are used"; return 1; }

  # Debian 12 has engine 20.10, and clients no longer speak its API unless told to.
  local api
  api=$(docker version --format '{{.Server.APIVersion}}')
  if [ -z "${DOCKER_API_VERSION:-}" ] && [ "$(printf '%s\n1.44\n' "$api" | sort -V | head -n 1)" != 1.44 ]; then
    export DOCKER_API_VERSION=$api
  fi
}

# Only as root and where nothing else (systemd) is in charge of it: elsewhere it is the owner's to start.
start_dockerd() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && [ ! -d /run/systemd/system ] || return 1
  [ -z "${DOCKER_HOST:-}" ] || return 1
  install dockerd
  have dockerd || return 1

  # All containers together weigh as much as one session: beside dozens of those, brokers need minutes to start. (cgroup v1, where this folder is.)
  if [ -d /sys/fs/cgroup/cpu ]; then
    mkdir -p /sys/fs/cgroup/cpu/docker && echo 8192 >/sys/fs/cgroup/cpu/docker/cpu.shares || true
  fi

  # The plain engine first; then for a machine without netfilter; then for one without overlay file systems.
  local options
  for options in '' '--iptables=false' '--iptables=false --storage-driver=vfs'; do
    say "starting dockerd $options"
    rm -f /var/run/docker.pid
    # shellcheck disable=SC2086 # the options are words
    setsid dockerd $options >"$WORK/dockerd.log" 2>&1 </dev/null 9>&- &
    DOCKERD_PID=$!
    for _ in $(seq 60); do
      docker_answers && return 0
      kill -0 "$DOCKERD_PID" 2>/dev/null || break
      sleep 0.5
    done
    stop_dockerd
  done
  say "dockerd does not run here:"
  grep -E 'level=(error|fatal)|failed' "$WORK/dockerd.log" | tail -n 3
  return 1
}

stop_dockerd() {
  [ -n "$DOCKERD_PID" ] || return 0
  # Another run may have found our engine and be using it: then it stays.
  if docker_answers && docker ps --format '{{.Labels}}' | grep -qvF "messaging-test-run=$MESSAGING_TEST_RUN"; then
    say "leaving dockerd ($DOCKERD_PID) running: it has containers of others"
  else
    kill "$DOCKERD_PID" 2>/dev/null || true
    for _ in $(seq 40); do kill -0 "$DOCKERD_PID" 2>/dev/null || break; sleep 0.25; done
  fi
  DOCKERD_PID=
}

remove_our_containers() { # and networks, volumes, images
  docker_answers || return 0
  local label
  # A compose project of ours cannot be told to use our label; it is named after the run.
  for label in "messaging-test-run=$MESSAGING_TEST_RUN" "com.docker.compose.project=messaging-$MESSAGING_TEST_RUN"; do
    remove_found "docker rm -f -v" docker ps -aq --filter "label=$label"
    remove_found "docker network rm" docker network ls -q --filter "label=$label"
    remove_found "docker volume rm" docker volume ls -q --filter "label=$label"
    remove_found "docker image rm -f" docker image ls -q --filter "label=$label"
  done
}

# remove_found REMOVE LIST…: what the second command lists is given to the first.
remove_found() {
  local remove=$1 left
  shift
  left=$("$@" | sort -u)
  # shellcheck disable=SC2086 # words
  [ -z "$left" ] || $remove $left >/dev/null 2>&1 || true
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# pull IMAGE: true when it is here afterwards.
pull() {
  has_image "$1" && return 0
  say "pulling $1"
  timeout 900 docker pull -q "$1" >"$WORK/pull.log" 2>&1 && return 0
  say "  not to be had: $(tail -n 1 "$WORK/pull.log" | cut -c1-160)"
  return 1
}
