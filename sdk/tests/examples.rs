//! The cases of the example manifests can be read, and leave no manifest out. The tests of the whole run them.

use std::{collections::BTreeSet, fs, path::Path};

use pointsman_sdk::testkit::{CaseFile, Routing};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

fn names(folder: &Path, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}

#[test]
fn each_manifest_has_cases_of_two_customers() {
    let examples = Path::new(EXAMPLES);
    let manifests = names(examples, "yaml");
    assert!(!manifests.is_empty());
    assert_eq!(manifests, names(&examples.join("cases"), "json"));
    for name in manifests {
        let file = examples.join(format!("cases/{name}.json"));
        let file = CaseFile::<Routing>::read(file).expect("cases that can be read");
        let manifest = file.manifest.expect("a manifest").canonicalize().expect("a manifest that is there");
        assert_eq!(manifest, examples.join(format!("{name}.yaml")).canonicalize().expect("a manifest"));
        let deployments: BTreeSet<_> = file
            .cases
            .iter()
            .filter_map(|case| match &case.expect {
                Routing::Forwarded { deployment, .. } => Some(deployment),
                Routing::Refused { .. } => None,
            })
            .collect();
        assert!(deployments.len() >= 2, "{name}: {deployments:?}");
        assert!(
            file.cases.iter().all(|case| case.request.integration == format!("integrations/{name}")),
            "{name}"
        );
    }
}
