# Huge pages for the shared_buffers of one server of 1 GB, as docs/operating.md advises: sourced, with say. `reserve_huge_pages` takes them
# where it may, `return_huge_pages` must be called at the end.

HUGE_PAGES=/proc/sys/vm/nr_hugepages
HUGE_PAGES_RESERVED=0

# Enough of 2 MB for one server, as root, where there is memory to spare, for a server that is ours.
reserve_huge_pages() {
  [ -z "${MESSAGING_TEST_POSTGRES:-}" ] && [ -w $HUGE_PAGES ] || return 0
  grep -q '^Hugepagesize: *2048 kB' /proc/meminfo && [ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -gt 6000000 ] || return 0
  # As many as were had: the kernel gives fewer without a word.
  HUGE_PAGES_RESERVED=$(add_huge_pages 600)
}

return_huge_pages() { [ "${HUGE_PAGES_RESERVED:-0}" -eq 0 ] || add_huge_pages -"$HUGE_PAGES_RESERVED" >/dev/null; }

# Relative to what is there, one at a time: another run may come or go meanwhile. Prints by how many there are more.
add_huge_pages() (
  exec 8>"${TMPDIR:-/tmp}/messaging-huge-pages.lock"
  ! command -v flock >/dev/null || flock 8
  before=$(cat $HUGE_PAGES)
  echo $((before + $1)) 2>/dev/null >$HUGE_PAGES || true
  echo $(($(cat $HUGE_PAGES) - before))
)
