//! libFuzzer over one target, which the environment variable `FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

use pointsman_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).unwrap_or_else(|| panic!("FUZZ_TARGET is none of {:?}", pointsman_fuzz::TARGETS))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
