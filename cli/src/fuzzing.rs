//! For fuzz targets: what parses files.

use pointsman_proto::admin::v1::Manifest;

use crate::{
    manifest::{self, Source},
    output::Format,
};

/// A manifest's text: it is refused, or written again it says the same, in both formats.
///
/// # Panics
///
/// Where that does not hold.
pub fn manifest(text: &str) {
    let source = Source::File("fuzz.yaml".into());
    let Ok(read) = manifest::read::<Manifest>(text, &source) else { return };
    for format in [Format::Yaml, Format::Json] {
        let written = manifest::write(&read, format).expect("a manifest that was read can be written");
        let again = manifest::read::<Manifest>(&written, &source);
        assert_eq!(again.ok().as_ref(), Some(&read), "{written}");
    }
}
