//! Checks a Preprocess service, in any language, against a file of cases.
//!
//! ```sh
//! cargo run -p pointsman-sdk --example preprocess-check -- http://127.0.0.1:50061 examples/preprocess/cases.json
//! ```

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser;
use pointsman_sdk::testkit::{self, Remote};

/// Checks a Preprocess service against a file of cases.
#[derive(Parser)]
struct Flags {
    /// Where the service listens: `http://host:port` or `unix:/path`.
    address: String,
    /// The file of cases.
    cases: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match check(Flags::parse()).await {
        Ok(cases) => {
            println!("all {cases} cases hold");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn check(flags: Flags) -> Result<usize, Box<dyn Error>> {
    let remote = Remote::connect(&flags.address).await?;
    Ok(testkit::check(&remote, flags.cases).await?)
}
