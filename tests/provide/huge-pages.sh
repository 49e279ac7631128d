# Huge pages for the shared_buffers of one server of 1 GB, as docs/operating.md advises: sourced, with say. `reserve_huge_pages` takes them
# where it may, `return_huge_pages` must be called at the end.

HUGE_PAGES=/proc/sys/vm/nr_hugepages
HUGE_PAGES_RESERVED=0

# Enough of 2 MB for one server, as root, where there is memory to spare, for a server that is ours.
reserve_huge_pages() {
  [ -z "${MESSAGING_TEST_POSTGRES:-}" ] && [ -w $HUGE_PAGES ] || return 0
  grep -q '^Hugepagesize: *2048 kB' /proc/meminfo && [ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -gt 6000000 ] || return 0
  ! add_huge_pages 600 || HUGE_PAGES_RESERVED=600
}

return_huge_pages() { [ $HUGE_PAGES_RESERVED -eq 0 ] || add_huge_pages -$HUGE_PAGES_RESERVED || true; }

# Relative to what is there: another run may have come or gone meanwhile.
add_huge_pages() { echo $(($(cat $HUGE_PAGES) + $1)) 2>/dev/null >$HUGE_PAGES; }
