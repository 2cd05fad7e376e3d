//! What the programs ask of their allocator, mimalloc.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set_default, mi_option_t};

/// `mi_option_purge_delay`, which the bindings do not name: milliseconds until freed memory goes back to the system.
const PURGE_DELAY: mi_option_t = 15;

/// What the allocator does unless told otherwise.
const DEFAULT: c_long = 1000;

/// Freed memory stays with the program, whose next step needs as much again: the system would clear every page before it
/// gives it back. To be called before a program starts threads. `MIMALLOC_PURGE_DELAY` in the environment comes first, and
/// under another allocator nothing changes.
pub fn keep_freed_memory() {
    const NEVER: c_long = -1;
    if value() == DEFAULT {
        // SAFETY: takes any number for an option, and writes one number of static memory.
        #[expect(unsafe_code, reason = "the bindings have no safe way to an option")]
        unsafe {
            mi_option_set_default(PURGE_DELAY, NEVER);
        }
    }
}

fn value() -> c_long {
    // SAFETY: takes any number for an option, and reads one number of static memory.
    #[expect(unsafe_code, reason = "the bindings have no safe way to an option")]
    unsafe {
        mi_option_get(PURGE_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
            assert_eq!(value(), DEFAULT);
            keep_freed_memory();
            assert_eq!(value(), -1);
        }
    }
}
