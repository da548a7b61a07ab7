//! The data folder with the real binary: backups, restores, what a disk can do, who can read the files.

mod backups;
mod disk;
mod harness;
mod keys;
mod restores;
