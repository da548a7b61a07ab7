//! Where and how a run was made.

use std::{fs, process::Command};

use crate::args::Args;

/// A line for each thing that a reader has to know.
pub(super) fn describe(args: &Args) -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok();
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().next().unwrap_or("not found").to_owned()
    };
    vec![
        "# The edge beside what people would use instead".to_owned(),
        String::new(),
        format!("- {}, {cores} cores, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim()),
        format!("- load average {}", load_average()),
        format!("- Pointsman: commit {}", said("git", &["rev-parse", "--short", "HEAD"])),
        format!(
            "- {}; {}; Node.js {}",
            said("nginx", &["-v"]),
            said("haproxy", &["-v"]),
            said("node", &["-v"])
        ),
        format!("- {} rounds; turns of {} s; {} deployments", args.rounds, args.seconds, args.deployments),
        String::new(),
    ]
}

/// Other work on the machine shows here.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
