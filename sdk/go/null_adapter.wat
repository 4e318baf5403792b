;; What a Go program asks of WASI, answered without a system: the adapter that makes a component of
;; a Go module without one WASI import.
;;
;; Why not the official adapter: it turns each call into a call of the host, and so into an import
;; that the gateway refuses; and Go's collector may run while the gateway has the guest allocate
;; memory (cabi_realloc), where a component may not call out, so that it traps.
;;
;; What it says:
;; - the clock goes on by a microsecond each time it is asked, from 1970: the runtime needs one that
;;   moves. Filters have the clock of the gateway instead;
;; - a sleep is over at once, and moves the clock by its length;
;; - random numbers are always the same sequence: maps have the same seed in each instance;
;; - there are no arguments and no environment;
;; - what is written to standard output and standard error is swallowed;
;; - the end of the program is a trap;
;; - everything else is a bad file descriptor (8).
(module
  (import "env" "memory" (memory 0))
  (global $clock (mut i64) (i64.const 0))
  (global $random (mut i64) (i64.const 0x9e3779b97f4a7c15))

  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $time i32)
    (result i32)
    (global.set $clock (i64.add (global.get $clock) (i64.const 1000)))
    (i64.store (local.get $time) (global.get $clock))
    (i32.const 0))

  ;; One event for the first subscription: it is a clock, 24 bytes behind whose start is how long to
  ;; wait. An event has 32 bytes: what the subscription was marked with, and zeros for no error.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $done i32)
    (result i32)
    (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
      (then (global.set $clock
        (i64.add (global.get $clock) (i64.load offset=24 (local.get $in))))))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (i64.store offset=24 (local.get $out) (i64.const 0))
    (i32.store (local.get $done) (i32.const 1))
    (i32.const 0))

  ;; xorshift64, a byte at a time.
  (func (export "random_get") (param $at i32) (param $bytes i32) (result i32)
    (local $x i64)
    (block $end
      (loop $more
        (br_if $end (i32.eqz (local.get $bytes)))
        (local.set $x (global.get $random))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (global.set $random (local.get $x))
        (i64.store8 (local.get $at) (local.get $x))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $more)))
    (i32.const 0))

  ;; Says that all pieces were written; each is an address and a length.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32)
    (param $written i32) (result i32)
    (local $sum i32)
    (block $end
      (loop $more
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $more)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  (func $nothing (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $nothing))
  (export "environ_sizes_get" (func $nothing))
  (func $fine (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $fine))
  (export "environ_get" (func $fine))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) (unreachable))

  (func $bad1 (param i32) (result i32) (i32.const 8))
  (export "fd_close" (func $bad1))
  (export "fd_sync" (func $bad1))
  (func $bad2 (param i32 i32) (result i32) (i32.const 8))
  (export "fd_fdstat_get" (func $bad2))
  (export "fd_fdstat_set_flags" (func $bad2))
  (export "fd_filestat_get" (func $bad2))
  (export "fd_prestat_get" (func $bad2))
  (export "sock_shutdown" (func $bad2))
  (func $bad3 (param i32 i32 i32) (result i32) (i32.const 8))
  (export "fd_prestat_dir_name" (func $bad3))
  (export "path_create_directory" (func $bad3))
  (export "path_remove_directory" (func $bad3))
  (export "path_unlink_file" (func $bad3))
  (export "sock_accept" (func $bad3))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func $bad5 (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (export "path_filestat_get" (func $bad5))
  (export "path_symlink" (func $bad5))
  (func $bad6 (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (export "path_readlink" (func $bad6))
  (export "path_rename" (func $bad6))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func $bad_at (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (export "fd_pread" (func $bad_at))
  (export "fd_pwrite" (func $bad_at))
  (export "fd_readdir" (func $bad_at))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32)
    (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)
    (i32.const 8)))
