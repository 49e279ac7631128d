# What ComposeChaosTests needs: docker compose, and the images of docker-compose.yml. Sourced by all.sh.

# After `provide rabbitmq`. What is missing in the end, the test names.
provide_compose() {
  $DOCKER || return 0
  docker compose version >/dev/null 2>&1 || install docker-compose
  # Where images can be pulled, compose does all of it itself: as a user has it.
  if pull postgres:17 && pull mcr.microsoft.com/dotnet/aspnet:10.0; then return 0; fi
  has_image "$(own_image postgres)" || build_image postgres PostgreSQL || return 0
  build_service_image Publisher && build_service_image Consumer || return 0
  write_compose_override "$WORK/compose-images.yml"
  export MESSAGING_TEST_COMPOSE_OVERRIDE=$WORK/compose-images.yml
}

service_image() { echo "messaging-test-${1,,}:$MESSAGING_TEST_RUN"; }

# build_service_image SERVICE: the last stage of its Dockerfile, on a Debian with the runtime of this machine's SDK instead of
# Microsoft's image, and with what is published here instead of the first stage. Removed with what else has the label of the run.
build_service_image() {
  local service=$1 context="$WORK/$1-image" dotnet
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  say "making an image of $service"
  mkdir -p "$context/dotnet" "$context/deploy"
  cp -r "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$context/dotnet/"
  cp "$ROOT/deploy/health" "$context/deploy/"
  {
    printf 'FROM %s\n' "$(own_image postgres)"
    # As Microsoft's image has them.
    printf 'COPY dotnet /usr/share/dotnet\nENV PATH=/usr/share/dotnet:$PATH APP_UID=1654 DOTNET_RUNNING_IN_CONTAINER=true\n'
    sed '1,/^FROM .*aspnet/d; s| --from=build /app | app |' "$ROOT/src/$service/Dockerfile"
  } >"$context/Dockerfile"
  dotnet publish "$ROOT/src/$service" --configuration Release --self-contained false -p:UseAppHost=false --output "$context/app" \
    -nologo -v quiet >"$WORK/image.log" 2>&1 </dev/null \
    && DOCKER_BUILDKIT=0 docker build -q --label "messaging-test-run=$MESSAGING_TEST_RUN" -t "$(service_image "$service")" "$context" >"$WORK/image.log" 2>&1 \
    && rm -rf "$context" && return 0
  say "  failed:"; tail -n 5 "$WORK/image.log"
  return 1
}

write_compose_override() {
  local service
  {
    printf 'services:\n'
    printf '  rabbitmq: { image: "%s" }\n  postgres: { image: "%s" }\n' "$MESSAGING_TEST_RABBITMQ_IMAGE" "$(own_image postgres)"
    printf '  publisher-postgres: { image: "%s" }\n' "$(service_image Publisher)"
    for service in migrate-postgres consumer-postgres-1 consumer-postgres-2; do
      printf '  %s: { image: "%s" }\n' "$service" "$(service_image Consumer)"
    done
  } >"$1"
}
