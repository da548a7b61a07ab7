//! A Preprocess service for Acme ERP.
//!
//! ```sh
//! cargo run -p pointsman-sdk --example acme-preprocess -- --listen 127.0.0.1:50061
//! ```

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use pointsman_sdk::{Listen, Server};

use self::acme::Acme;

mod acme;

/// A Preprocess service for Acme ERP.
#[derive(Parser)]
struct Flags {
    /// Where to listen: `127.0.0.1:50061` (port 0 works) or `unix:/path`.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:50061")]
    listen: Listen,
    /// A JSON object from Acme ERP's customer ids to external IDs; the tutorial's two customers without it.
    #[arg(long, env = "CUSTOMERS", value_name = "FILE")]
    customers: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: Flags) -> Result<(), Box<dyn Error>> {
    let acme = match &flags.customers {
        Some(file) => Acme::new(customers(file).map_err(|error| format!("{}: {error}", file.display()))?),
        None => Acme::default(),
    };
    let server = Server::new(acme).bind(&flags.listen).await?;
    println!("listening on {}", server.address());
    server.serve_until_signal().await?;
    Ok(())
}

fn customers(file: &PathBuf) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::testkit;

    use super::*;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/preprocess/cases.json");

    #[tokio::test]
    async fn all_cases_hold() -> Result<(), Box<dyn Error>> {
        testkit::check(&Acme::default(), CASES).await?;
        Ok(())
    }

    #[tokio::test]
    async fn all_cases_hold_over_a_socket() -> Result<(), Box<dyn Error>> {
        let server = Server::new(Acme::default()).bind(&"127.0.0.1:0".parse()?).await?;
        let address = server.address().url();
        let serving = server.serve_until(std::future::pending());
        let checking = async {
            let remote = testkit::Remote::connect(&address).await?;
            Ok::<_, Box<dyn Error>>(testkit::check(&remote, CASES).await?)
        };
        tokio::select! {
            end = serving => end?,
            checked = checking => { checked?; }
        }
        Ok(())
    }
}
