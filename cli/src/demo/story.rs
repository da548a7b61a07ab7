//! What the demo prints.

use std::{env, fs, io, path::PathBuf};

use tempfile::TempDir;

use super::{
    acme::{Acme, Chapter},
    delivery::{Delivery, DeliveryError, Refused},
    payloads::{self, Payload},
};
use crate::{
    output::{self, style::Style, table::Table, trace},
    receiver::Arrival,
};

/// Where everything listens, as URLs.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) admin: String,
    pub(super) status: String,
    pub(super) flows: String,
    pub(super) service: String,
}

/// Tells the story.
#[derive(Debug)]
pub(super) struct Story {
    style: Style,
    places: Places,
    chapters: usize,
    /// The payloads as files, for the lines to try.
    files: Vec<PathBuf>,
}

impl Story {
    pub(super) fn new(folder: &TempDir, places: Places) -> io::Result<Self> {
        let mut files = Vec::new();
        for payload in payloads::ALL {
            let file = folder.path().join(payload.file);
            fs::write(&file, payload.body)?;
            files.push(file);
        }
        Ok(Self { style: Style::of_stdout(), places, chapters: 0, files })
    }

    pub(super) fn begin(&self) -> String {
        let mut places = Table::plain().indented(2);
        places.row(["admin API (gRPC)", &self.places.admin]);
        places.row(["metrics", &format!("{}/metrics", self.places.status)]);
        places.row(["Preprocess service", &self.places.service]);
        places.row(["the customers' flows", &self.places.flows]);
        let title = self.style.bold("Acme ERP posts the webhooks of all customers to one URL.");
        format!("\n{title}\nEach one must reach its own customer's right flow, byte for byte.\n\n{places}")
    }

    pub(super) fn chapter(&mut self, chapter: &Chapter) -> String {
        self.chapters += 1;
        let title = self.style.bold(format!("{}. {}", self.chapters, chapter.title));
        format!("\n{title}\n   POST {}\n", chapter.url)
    }

    pub(super) fn delivery(&self, payload: &Payload, delivered: &Result<Delivery, DeliveryError>) -> String {
        let delivery = match delivered {
            Ok(delivery) => delivery,
            Err(error) => return format!("\n   {} {error}\n", self.style.bad("✗")),
        };
        let trace = trace::trace("", &delivery.trace, self.style);
        let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("   {line}\n") };
        let trace: String = trace.lines().map(indented).collect();
        let arrived = format!(
            "arrived there, {} bytes as sent, for customer {} and flow {}; answered {}",
            delivery.arrival.body.len(),
            delivery.arrival.header("pointsman-customer"),
            delivery.arrival.header("pointsman-flow"),
            delivery.status,
        );
        let head = format!("{}   {}", self.style.bold(payload.file), self.style.dim(payload.says));
        format!("\n   {head}\n{trace}   {} {arrived}\n", self.style.good("✓"))
    }

    pub(super) fn refusal(&mut self, refused: &Result<Refused, DeliveryError>) -> String {
        self.chapters += 1;
        let title = self.style.bold(format!("{}. A customer that nobody knows goes nowhere", self.chapters));
        let told = match refused {
            Ok(refused) => {
                let code = self.style.bold(&refused.code);
                format!(
                    "   {} refused with {} {code}: {}",
                    self.style.good("✓"),
                    refused.status,
                    refused.detail
                )
            }
            Err(error) => format!("   {} {error}", self.style.bad("✗")),
        };
        format!("\n{title}\n\n   {}\n{told}\n", self.style.dim(payloads::UNKNOWN_CUSTOMER))
    }

    pub(super) fn end(&self, sent: usize) -> String {
        let mark = self.style.good("✓");
        format!("\n{mark} All {sent} webhooks ended where they should.\n")
    }

    pub(super) fn try_it(&self, acme: &Acme) -> String {
        let [with_service, by_reference] = acme.chapters();
        let program =
            env::args_os().next().map_or("pointsman".into(), |name| name.to_string_lossy().into_owned());
        let post = |url: &str, data: &str| {
            format!("curl -i {url} \\\n    -H 'content-type: application/json' {data}")
        };
        let mut lines = Vec::new();
        let mut line = |comment: &str, command: String| {
            lines.push(format!("  {}\n  {command}\n", self.style.dim(format!("# {comment}"))));
        };
        for (payload, file) in payloads::ALL.iter().zip(&self.files) {
            let comment = format!("reaches {} of {}", payload.flow, payload.deployment);
            line(&comment, post(&with_service.url, &format!("--data-binary '@{}'", file.display())));
        }
        line(
            "nobody knows this customer: 422, customer_unknown",
            post(&by_reference.url, &format!("-d '{}'", payloads::UNKNOWN_CUSTOMER)),
        );
        line("what was counted", format!("curl -s {}/metrics", self.places.status));
        line(
            "what is configured",
            format!("{program} get {} --server {}", with_service.integration, self.places.admin),
        );
        format!(
            "\n{} What arrives at a flow is shown below; Ctrl-C ends the demo.\n\n{}\n",
            self.style.bold("Try it."),
            lines.concat()
        )
    }

    pub(super) fn arrival(&self, arrival: &Arrival) -> String {
        format!("{} {}", self.style.good("→"), output::arrival::arrival(arrival, self.style))
    }

    pub(super) fn stopping(&self) -> String {
        "\nStopping.\n".to_owned()
    }
}
