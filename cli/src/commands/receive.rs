//! `receive`: a flow endpoint to try things with.

use std::net::SocketAddr;

use clap::Args;

use super::{End, Failure};
use crate::{
    output::{self, arrival::arrival, style::Style},
    receiver::Receiver,
    settings::units,
    signals::Signals,
};

#[derive(Args, Debug)]
pub(super) struct Receive {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", value_parser = units::address, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
}

impl Receive {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let mut signals = Signals::take()?;
        let mut receiver = Receiver::start(self.listen)
            .await
            .map_err(|source| Failure::Listen { listen: self.listen, source })?;
        output::note(&format!("listening on http://{}; Ctrl-C ends it\n", receiver.addr()));
        let style = Style::of_stdout();
        loop {
            tokio::select! {
                arrived = receiver.next() => output::print(&arrival(&arrived, style))?,
                _ = signals.next() => return Ok(End::Fine),
            }
        }
    }
}
