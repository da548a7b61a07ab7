//! Huge pages: none for what starts a process, as many as the system gives for what it then serves.
//!
//! The allocator asks for them, and look-ups in a large table are faster with them. But each thread begins with a few pages
//! of its own, and a huge one of 2 MB under each would stay nearly empty.

use rustix::thread::disable_transparent_huge_pages;

/// Memory comes in small pages from here on.
pub(crate) fn small_pages() {
    // Where the system knows none of this, there are no huge pages.
    let _ = disable_transparent_huge_pages(true);
}

/// Memory may come in huge pages from here on.
pub(crate) fn huge_pages() {
    let _ = disable_transparent_huge_pages(false);
}
