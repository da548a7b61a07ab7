//! Huge pages: none for what starts a process, as many as the system gives for what it then serves.
//!
//! The allocator asks for them, and look-ups in a large table are faster with them. But each thread begins with a few pages
//! of its own, and a huge one of 2 MB under each would stay nearly empty.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

/// Whether it is we who hold huge pages back, and not whoever started this process.
static HELD_BACK: AtomicBool = AtomicBool::new(false);

/// Memory comes in small pages from here on.
pub(crate) fn small_pages() {
    // Where the system knows none of this, there are no huge pages.
    if transparent_huge_pages_are_disabled() == Ok(false) && disable_transparent_huge_pages(true).is_ok() {
        HELD_BACK.store(true, Ordering::Relaxed);
    }
}

/// Memory may come in huge pages from here on, if it might before.
pub(crate) fn huge_pages() {
    if HELD_BACK.swap(false, Ordering::Relaxed) {
        // Small ones will do.
        let _ = disable_transparent_huge_pages(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_back_is_allowed_again_and_nothing_else() {
        let at_first = transparent_huge_pages_are_disabled();
        small_pages();
        huge_pages();
        assert_eq!(transparent_huge_pages_are_disabled(), at_first);
        if at_first == Ok(false) {
            disable_transparent_huge_pages(true).expect("it can be forbidden");
            small_pages();
            huge_pages();
            assert_eq!(transparent_huge_pages_are_disabled(), Ok(true), "somebody else forbade it");
            disable_transparent_huge_pages(false).expect("it can be allowed");
        }
    }
}
