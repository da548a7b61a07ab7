//! What is written is what is read; what is not, is found. What becomes of a configuration is tested where it is taken
//! in, in `sync`.

use std::io::Cursor;

use proptest::prelude::*;

use super::{disk::part_file, *};
use crate::copy::{reader::Reader, writer::Writer};

fn key(byte: u8) -> CopyKey {
    CopyKey::of_bytes([byte; 32])
}

fn resource(n: usize, len: usize) -> Resource {
    Resource { name: format!("customers/c{n}"), revision: 1, body: vec![0xab; len].into() }
}

fn mark(sequence: u64) -> Mark {
    let revision = i64::try_from(sequence).unwrap();
    let time = std::time::UNIX_EPOCH;
    Mark { epoch: "e".to_owned(), revision, hash: ConfigHash::default(), resources: 1, sequence, time }
}

/// A file of commits with so many resources each, every second one written by another process.
fn file(commits: &[usize], resource_bytes: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let name = disk::generation_file(1);
    let mut writer = Writer::create(&disk, &name, &key(1)).unwrap();
    for (n, count) in commits.iter().enumerate() {
        (0..*count).try_for_each(|n| writer.upsert(resource(n, resource_bytes))).unwrap();
        writer.commit(&mark(n as u64 + 1)).unwrap();
        if n % 2 == 0 {
            let bytes = std::fs::read(folder.path().join(&name)).unwrap();
            let tail = Reader::open(Cursor::new(&bytes), bytes.len() as u64, &key(1)).unwrap().find_tail();
            writer = Writer::go_on(&disk, 1, &tail.unwrap().unwrap()).unwrap();
        }
    }
    std::fs::read(folder.path().join(&name)).unwrap()
}

/// The resources of each whole commit, and why it ended.
fn read(bytes: &[u8], key: &CopyKey) -> (Vec<usize>, Option<ReadError>) {
    let mut commits = Vec::new();
    let mut count = 0;
    let mut reader = match Reader::open(Cursor::new(bytes), bytes.len() as u64, key) {
        Ok(reader) => reader,
        Err(error) => return (commits, Some(error)),
    };
    loop {
        match reader.next() {
            Ok(Some(frame)) => {
                count += frame.upserts.len();
                if frame.mark().is_some() {
                    commits.push(std::mem::take(&mut count));
                }
            }
            Ok(None) => return (commits, None),
            Err(error) => return (commits, Some(error)),
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let commits = [3, 0, 1, 700, 2];
    let bytes = file(&commits, 500);
    let (read, end) = read(&bytes, &key(1));
    assert_eq!((read, end.is_none()), (commits.to_vec(), true));
    let tail = Reader::open(Cursor::new(&bytes), bytes.len() as u64, &key(1)).unwrap().find_tail();
    let tail = tail.unwrap().unwrap();
    assert_eq!((tail.end, tail.mark), (bytes.len() as u64, mark(5)));
    // Secrets are in there.
    assert!(!bytes.windows(16).any(|window| window == [0xab; 16]));
}

#[test]
fn damage_before_a_later_commit_is_no_torn_end() {
    let (intact, bytes) = (file(&[2, 3], 40), file(&[2, 3, 1], 40));
    let (mut torn, mut damaged) = (intact.clone(), bytes);
    let last = intact.len() - 1;
    torn[last] ^= 1;
    damaged[last] ^= 1;
    assert!(matches!(read(&torn, &key(1)), (commits, None) if commits == [2]));
    assert!(matches!(read(&damaged, &key(1)), (_, Some(ReadError::Damaged(_)))));
}

#[test]
fn another_key_is_told_from_damage() {
    let (read, end) = read(&file(&[1], 10), &key(2));
    assert!(read.is_empty() && matches!(end, Some(ReadError::OtherKey { .. })), "{end:?}");
}

#[test]
fn a_length_from_outside_allocates_nothing() {
    let mut bytes = file(&[1], 10);
    bytes.extend([0xff, 0xff, 0xff, 0xff, 1]);
    bytes.extend([0; 40]);
    let (read, end) = read(&bytes, &key(1));
    assert_eq!((read, end.is_none()), (vec![1], true));
}

#[test]
fn a_file_of_somebody_else_is_no_part_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["edge-1.copy", "edge-01.copy", "edge-x.copy", "edge-2.copy.part", "edge-30.copy", "other"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let disk = Disk::new(folder.path());
    assert_eq!(disk.generations().unwrap(), [30, 1]);
    disk.remove_parts().unwrap();
    assert!(!folder.path().join(part_file(2)).exists());
}

#[test]
fn a_folder_has_one_edge() {
    let folder = tempfile::tempdir().unwrap();
    let config = CopyConfig::new(folder.path().join("new"));
    let first = Folder::open(&config).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| first.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode(disk::KEY_FILE), mode(disk::LOCK_FILE)), (0o700, 0o600, 0o600));
    }
    assert!(matches!(Folder::open(&config), Err(CopyError::InUse { .. })));
    drop(first);
    assert!(Folder::open(&config).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A prefix of what was written, in whole commits: all of it up to the damage, or nothing.
    #[test]
    fn whatever_is_cut_or_flipped_nothing_else_is_read(
        commits in prop::collection::vec(0..6_usize, 1..6),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        cut in any::<bool>(),
    ) {
        let mut bytes = file(&commits, 40);
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        let (read, end) = read(&bytes, &key(1));
        prop_assert!(read.len() <= commits.len());
        prop_assert_eq!(&read[..], &commits[..read.len()]);
        prop_assert!(!read.is_empty() || end.is_some());
    }
}
