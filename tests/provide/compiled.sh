# Our programs with the packages they use compiled ahead (ReadyToRun). Half of what a process does that lives for seconds is to compile
# them, and the tests start hundreds: an eighth of their processor time. Sourced by ./test.

COMPILING=

# In the background, behind whatever else there is to do: Unit and Database start no processes of ours. In folders of its own: the
# build's stay as they are.
compile_ahead() {
  timeout 10m nice -n 19 dotnet publish "$ROOT/src/Standalone" -c "$CONFIGURATION" --use-current-runtime --self-contained false -p:PublishReadyToRun=true \
    -p:RunAnalyzers=false -p:NuGetAudit=false -p:UseSharedCompilation=false -nodeReuse:false --artifacts-path "$WORK/artifacts" -o "$WORK/compiled" -nologo -v quiet >"$WORK/compile.log" 2>&1 </dev/null &
  COMPILING=$!
}

stop_compiling() {
  [ -n "$COMPILING" ] || return 0
  # timeout passes it on to all that it has started.
  kill -TERM "$COMPILING" 2>/dev/null && wait "$COMPILING"
  COMPILING=
}

# Copies what was built to folders that are called as in the checkout, so that `messaging` finds the services beside itself, and puts the
# compiled packages there. Standalone refers to all of them. Our own assemblies stay as they were built.
use_compiled() {
  [ -n "$COMPILING" ] || return 0
  if ! wait "$COMPILING"; then
    say "the packages could not be compiled ahead; the services start more slowly:"; tail -n 3 "$WORK/compile.log"
    COMPILING=
    return 0
  fi
  COMPILING=
  rm -rf --one-file-system "$WORK/artifacts"
  local project
  for project in Publisher Consumer Standalone Cli; do
    copy_compiled "src/$project/bin/$CONFIGURATION/net10.0" && continue
    say "no room for programs with compiled packages; the services start more slowly"
    rm -rf --one-file-system "$WORK/programs"
    return 0
  done
  export MESSAGING_TEST_PROGRAMS=$WORK/programs
}

copy_compiled() {
  local file
  mkdir -p "$WORK/programs/$1" && cp -r "$ROOT/$1/." "$WORK/programs/$1" || return 1
  for file in "$WORK"/compiled/*.dll; do
    case ${file##*/} in Messaging.* | messaging.*) continue ;; esac
    [ ! -e "$WORK/programs/$1/${file##*/}" ] || cp "$file" "$WORK/programs/$1/" || return 1
  done
}
