//! Everything that was measured, turn by turn.

use serde_json::{Value, json};

use crate::measure::Results;

/// As JSON.
pub(super) fn all(machine: &[String], results: &Results) -> String {
    let rows: Vec<Value> = results
        .rows
        .iter()
        .map(|row| {
            let turns: Vec<Value> = row
                .turns
                .iter()
                .map(|turn| {
                    json!({
                        "cpuMicros": turn.cpu, "nginxCpuMicros": turn.base, "requestsPerSecond": turn.rate,
                        "p50Micros": turn.p50, "p99Micros": turn.p99,
                    })
                })
                .collect();
            let paced: Vec<Value> = row
                .paced
                .iter()
                .map(|paced| {
                    json!({
                        "requestsPerSecond": paced.rate, "p50Micros": paced.own.0, "p99Micros": paced.own.1,
                        "nginxP50Micros": paced.base.0, "nginxP99Micros": paced.base.1,
                    })
                })
                .collect();
            let case = &row.case;
            json!({
                "contestant": row.contestant.to_string(),
                "format": case.format.to_string(),
                "tls": case.tls,
                "bytes": case.bytes,
                "placement": case.placement.to_string(),
                "connections": case.connections,
                "turns": turns,
                "atFixedRate": paced,
                "failure": row.failure,
            })
        })
        .collect();
    let memory: Vec<Value> = results
        .memory
        .iter()
        .map(|memory| {
            json!({
                "contestant": memory.contestant.to_string(), "deployments": memory.deployments,
                "idleBytes": memory.idle, "busyBytes": memory.busy,
            })
        })
        .collect();
    let machine: Vec<_> = machine.iter().filter_map(|line| line.strip_prefix("- ")).collect();
    let mut text = format!("{:#}", json!({ "machine": machine, "rows": rows, "memory": memory }));
    text.push('\n');
    text
}
