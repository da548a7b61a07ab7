//! Clocks that jump: the time of day of both processes, forward and back, while webhooks and changes go on.

use std::{fs, path::Path, process::Command};

use super::{
    load::Load,
    restarts::{connected, stream_ended},
    world::{CUSTOMERS, World, reaching, served, text},
};

const DAY: i64 = 24 * 60 * 60;
/// Seconds from the true time.
const JUMPS: [i64; 5] = [DAY, -2 * DAY, 400 * DAY, 3_600, 0];
const WEBHOOKS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_end_no_stream_and_fail_no_webhook() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::build(folder.path());
    let world = World::start_with(Some(clock.clone())).await;
    let mut edge = world.start_edge("a", &format!("http://{}", world.admin()), "127.0.0.1:0");
    let hook = world.hook(edge.address("edge").await).await;
    connected(&world).await;
    let mut load = Load::start(&hook, CUSTOMERS);
    let mut customers: Vec<usize> = (0..CUSTOMERS).collect();
    for seconds in JUMPS {
        load.goes_on(WEBHOOKS).await;
        clock.jump(seconds);
        load.goes_on(WEBHOOKS).await;
        customers.push(customers.len() % CUSTOMERS);
        world.apply(&customers).await;
        assert_eq!(served(&hook, customers.len()).await, reaching(&customers), "{seconds} s from now");
    }
    println!("{} jumps, {} webhooks, none failed", JUMPS.len(), load.stop().await);
    assert_eq!(edge.said(stream_ended), None, "the stream goes on: {:#?}", edge.log());
}

/// A library that moves the time of day of who loads it, and the file that says by how much.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) library: std::path::PathBuf,
    pub(crate) offset: std::path::PathBuf,
}

impl Clock {
    fn build(folder: &Path) -> Self {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        fs::write(&source, include_str!("clock.c")).expect("written");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o", text(&library), text(&source), "-ldl"])
            .status();
        assert!(compiled.expect("a C compiler").success());
        let clock = Self { library, offset: folder.join("offset") };
        clock.jump(0);
        clock
    }

    /// Written in place: the processes look at the same page.
    fn jump(&self, seconds: i64) {
        use std::os::unix::fs::FileExt as _;
        let file =
            fs::File::options().create(true).truncate(false).write(true).open(&self.offset).expect("a file");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("written");
    }
}
