//! Every kept input of every target.

use std::{fs, path::Path};

use pointsman_fuzz::TARGETS;

#[test]
fn every_kept_input_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for input in inputs {
            let file = input.expect("a file").path();
            // A panic is told with the file that made it.
            println!("{}", file.display());
            (target.run)(&fs::read(&file).expect("its bytes"));
            count += 1;
        }
        assert!(count >= 5, "{target:?} has {count} inputs");
    }
}

#[test]
fn every_folder_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for folder in fs::read_dir(corpus).expect("the corpus") {
        let name = folder.expect("a folder").file_name();
        let name = name.to_str().expect("a target's name");
        assert!(pointsman_fuzz::Target::named(name).is_some(), "{name}");
    }
}
