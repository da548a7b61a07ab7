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
    let Ok(read) = manifest::read_manifest(text, &source) else { return };
    for format in [Format::Yaml, Format::Json] {
        let whole = manifest::write(&read, format).expect("a manifest that was read can be written");
        let again = manifest::read_manifest(&whole, &source);
        assert_eq!(again.ok().as_ref(), Some(&read), "{whole}");

        let input = written(&read, format);
        let again = manifest::read_manifest(&input, &source).expect("what was written can be read");
        assert_eq!(written(&again, format), input);
    }
}

/// As `export` writes it.
fn written(manifest: &Manifest, format: Format) -> String {
    let mut text = Vec::new();
    manifest::write_manifest(manifest, format, &mut text).expect("a manifest that was read can be written");
    String::from_utf8(text).expect("text")
}
