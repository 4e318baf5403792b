//! The memory of a filter: pieces of one block inside the module, and the library's allocator for
//! what does not fit. It must never be asked by two threads at once.
//!
//! A filter asks for some dozen texts in each call and gives all of them back. The block is there
//! when an instance starts, so one that needs no more takes no pages; and taking a piece is a few
//! instructions, where the library's allocator takes tens of nanoseconds. Pieces are powers of two
//! and are never cut or joined: a block that was used up by small ones has no large ones any more,
//! and those come from the library, as they did before.
//!
//! The block is zero at the start, so it is not in the component.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use std::alloc::System;

/// An allocator over a block of so many bytes.
pub struct Heap<const BYTES: usize>(UnsafeCell<Block<BYTES>>);

/// What is known of the block stands in front of it: a fresh instance touches one page less.
#[repr(C, align(16))]
struct Block<const BYTES: usize> {
    /// The pieces of each size that were given back. Each begins with the address of the next.
    free: [*mut u8; SIZES],
    /// How many of the bytes were ever taken.
    used: usize,
    bytes: Bytes<BYTES>,
}

#[repr(C, align(16))]
struct Bytes<const BYTES: usize>([u8; BYTES]);

// SAFETY: a Wasm module without atomics has one thread, and the module is not compiled for others.
// In the unit tests each heap is a local of one test.
unsafe impl<const BYTES: usize> Sync for Heap<BYTES> {}

impl<const BYTES: usize> Heap<BYTES> {
    /// An empty one.
    pub const fn new() -> Self {
        let free = [ptr::null_mut(); SIZES];
        Self(UnsafeCell::new(Block { free, used: 0, bytes: Bytes([0; BYTES]) }))
    }

    /// Whether an address is in the block.
    fn has(&self, address: *mut u8) -> bool {
        let start = self.0.get() as usize;
        (address as usize).wrapping_sub(start) < size_of::<Block<BYTES>>()
    }
}

/// Which size of piece a layout needs; `SIZES` or more if there is none.
fn size_of_piece(layout: Layout) -> usize {
    if layout.align() > LEAST {
        return SIZES;
    }
    // The number of bits of the last byte's place says which power of two is large enough.
    let last = layout.size().max(LEAST) - 1;
    (usize::BITS - last.leading_zeros() - LEAST.trailing_zeros()) as usize
}

// SAFETY: a piece is either in `free` or with who asked for it, never both; pieces do not overlap,
// because `used` only grows by the size of each; they are as large as was asked for and begin at a
// multiple of 16, which is all that `size_of_piece` admits. What is outside the block is the
// library's, and given back to it with the layout that it was taken with: what began there stays
// there. Nothing here calls back, so no two of these mutable views live at once.
unsafe impl<const BYTES: usize> GlobalAlloc for Heap<BYTES> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = size_of_piece(layout);
        let block = unsafe { &mut *self.0.get() };
        let Some(free) = block.free.get_mut(size) else { return unsafe { System.alloc(layout) } };
        let piece = *free;
        if !piece.is_null() {
            *free = unsafe { piece.cast::<*mut u8>().read() };
            return piece;
        }
        let bytes = LEAST << size;
        if BYTES - block.used < bytes {
            return unsafe { System.alloc(layout) };
        }
        let piece = unsafe { block.bytes.0.as_mut_ptr().add(block.used) };
        block.used += bytes;
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if !self.has(piece) {
            return unsafe { System.dealloc(piece, layout) };
        }
        let block = unsafe { &mut *self.0.get() };
        if let Some(free) = block.free.get_mut(size_of_piece(layout)) {
            unsafe { piece.cast::<*mut u8>().write(*free) };
            *free = piece;
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if !self.has(piece) {
            return unsafe { System.realloc(piece, layout, bytes) };
        }
        // The caller has made sure that this is a layout.
        let larger = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        if size_of_piece(larger) == size_of_piece(layout) {
            return piece;
        }
        let other = unsafe { self.alloc(larger) };
        if !other.is_null() {
            unsafe { ptr::copy_nonoverlapping(piece, other, layout.size().min(bytes)) };
            unsafe { self.dealloc(piece, layout) };
        }
        other
    }
}

/// Bytes of the smallest piece, and what all are aligned to.
const LEAST: usize = 16;

/// How many sizes there are: 16 bytes to 16 KB.
const SIZES: usize = 11;

/// Bytes of a filter's block: with what is known of it, a page of Wasm memory.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "heap"))]
const BYTES: usize = 65536 - (SIZES + 1) * size_of::<usize>();

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "heap"))]
#[global_allocator]
static HEAP: Heap<BYTES> = Heap::new();

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a piece and fills it.
    fn take(heap: &Heap<4096>, bytes: usize, fill: u8) -> (*mut u8, Layout) {
        let layout = Layout::from_size_align(bytes, 8).unwrap();
        let piece = unsafe { heap.alloc(layout) };
        assert!(!piece.is_null() && (piece as usize) % 8 == 0);
        unsafe { piece.write_bytes(fill, bytes) };
        (piece, layout)
    }

    fn is_filled(piece: *mut u8, bytes: usize, fill: u8) -> bool {
        (0..bytes).all(|at| unsafe { piece.add(at).read() } == fill)
    }

    #[test]
    fn a_piece_that_was_given_back_is_taken_again() {
        let heap = Heap::<4096>::new();
        let (first, layout) = take(&heap, 100, 1);
        let (second, _) = take(&heap, 100, 2);
        assert!(heap.has(first) && heap.has(second));
        unsafe { heap.dealloc(first, layout) };
        assert!(is_filled(second, 100, 2));
        // Of the same size, up to the next power of two.
        assert_eq!(take(&heap, 128, 3).0, first);
        assert_ne!(take(&heap, 129, 4).0, first);
        assert!(is_filled(first, 128, 3) && is_filled(second, 100, 2));
    }

    #[test]
    fn what_does_not_fit_comes_from_the_library_and_goes_back_to_it() {
        let heap = Heap::<4096>::new();
        let (large, layout) = take(&heap, 16 * 1024 + 1, 1);
        assert!(!heap.has(large));
        unsafe { heap.dealloc(large, layout) };
        let kept: Vec<_> = (0..100).map(|_| take(&heap, 64, 5)).collect();
        assert_eq!(kept.iter().filter(|(piece, _)| heap.has(*piece)).count(), 4096 / 64);
        assert!(kept.iter().all(|(piece, _)| is_filled(*piece, 64, 5)));
        kept.into_iter().for_each(|(piece, layout)| unsafe { heap.dealloc(piece, layout) });
        let wide = Layout::from_size_align(64, 64).unwrap();
        let piece = unsafe { heap.alloc(wide) };
        assert!(!heap.has(piece) && (piece as usize) % 64 == 0);
        unsafe { heap.dealloc(piece, wide) };
    }

    #[test]
    fn what_grows_keeps_its_bytes_in_place_or_not() {
        let heap = Heap::<4096>::new();
        let (mut piece, mut layout) = take(&heap, 17, 9);
        for bytes in [18, 32, 33, 4000, 5, 20_000, 3] {
            let (kept, was_in_the_block) = (layout.size().min(bytes), heap.has(piece));
            let grown = unsafe { heap.realloc(piece, layout, bytes) };
            assert!(is_filled(grown, kept, 9), "{bytes}");
            if was_in_the_block {
                assert_eq!(grown == piece, matches!(bytes, 18 | 32), "{bytes}");
            }
            unsafe { grown.write_bytes(9, bytes) };
            (piece, layout) = (grown, Layout::from_size_align(bytes, 8).unwrap());
        }
        unsafe { heap.dealloc(piece, layout) };
    }

    /// A small generator of numbers, so that what fails can be repeated.
    fn next(seed: &mut u64) -> usize {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) as usize
    }

    #[test]
    fn no_piece_is_ever_with_two() {
        let mut seed = 0x51_1ce;
        let heap = Heap::<4096>::new();
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..20_000 {
            if held.len() > 40 || (next(&mut seed) % 3 == 0 && !held.is_empty()) {
                let at = next(&mut seed) % held.len();
                let (piece, layout, fill) = held.swap_remove(at);
                assert!(is_filled(piece, layout.size(), fill), "round {round}");
                unsafe { heap.dealloc(piece, layout) };
            } else {
                let fill = next(&mut seed) as u8;
                let (piece, layout) = take(&heap, next(&mut seed) % 700 + 1, fill);
                held.push((piece, layout, fill));
            }
        }
        for (piece, layout, fill) in held {
            assert!(is_filled(piece, layout.size(), fill));
            unsafe { heap.dealloc(piece, layout) };
        }
    }
}
