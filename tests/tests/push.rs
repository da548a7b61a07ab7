//! The short form of `bench-push`, for what it does and not for how fast.

use tokio::process::Command;

#[tokio::test]
async fn the_benchmark_of_pushes_measures_everything() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench-push"));
    let sizes = ["--integrations", "20", "--deployments", "100", "--mappings", "1000", "--customers", "30"];
    bench.args(sizes).args(["--edges", "5", "--rounds", "5", "--seconds", "1"]).kill_on_drop(true);
    let ended = bench.output().await.expect("it runs");
    let (told, wrong) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{told}{wrong}");
    for figure in ["look-up", "cold edge", "from disk", "memory", "p50", "p99", "5 edges", "webhook"] {
        assert!(told.contains(figure), "{figure} is missing in {told}");
    }
}
