//! `export`: the whole configuration, as `apply` takes it.

use std::{
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use pointsman_proto::admin::v1::{ExportManifestRequest, Manifest};

use super::{End, Failure};
use crate::{
    manifest::{self, ManifestError},
    output::{self, Format},
    settings::{AdminSettings, OutputSettings},
};

/// What is written at a time.
const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Args, Debug)]
#[command(after_help = "A configuration is no table: it is printed as YAML, or with `-o json` as JSON.")]
pub(super) struct Export {
    /// Only what is this owner's. By default everything.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    owner: String,
    /// With the tokens of all endpoints, so that the configuration keeps its public URLs in another database. Whoever
    /// reads them can send webhooks; for the role `admin`.
    #[arg(long)]
    with_endpoint_tokens: bool,
    /// Write to a file, in the place of one that is there, instead of to standard output. One with tokens is for its
    /// owner's eyes only (0600).
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Export {
    pub(super) async fn run(self) -> Result<End, Failure> {
        // A whole configuration is no table.
        let format = self.output.format(&self.admin)?.unwrap_or(Format::Yaml);
        let admin = self.admin.connect().await?;
        let request =
            ExportManifestRequest { owner: self.owner, with_endpoint_tokens: self.with_endpoint_tokens };
        let exported = admin.export_manifest(request).await?;
        let manifest: Manifest = exported.manifest.unwrap_or_default();
        match &self.to {
            Some(file) => {
                write_file(&manifest, format, file, self.with_endpoint_tokens)?;
                output::note(&format!("wrote {} at revision {}\n", file.display(), exported.revision));
            }
            None => print(&manifest, format)?,
        }
        Ok(End::Fine)
    }
}

fn print(manifest: &Manifest, format: Format) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    match manifest::write_manifest(manifest, format, &mut out) {
        // Whoever reads it has read enough: that is said of standard output in one way.
        Err(ManifestError::Output(error)) => Err(error.into()),
        written => Ok(written.and_then(|()| Ok(out.flush()?))?),
    }
}

/// The file appears as a whole, or not at all.
fn write_file(manifest: &Manifest, format: Format, file: &Path, is_secret: bool) -> Result<(), Failure> {
    let failed = |source| Failure::Write { file: file.display().to_string(), source };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let new = temporary(folder, is_secret).map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, new.as_file());
    match manifest::write_manifest(manifest, format, &mut out) {
        Err(ManifestError::Output(error)) => return Err(failed(error)),
        written => written?,
    }
    out.flush().map_err(failed)?;
    drop(out);
    new.as_file().sync_all().map_err(failed)?;
    new.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A file for its owner only, or for whom the umask lets read it.
fn temporary(folder: &Path, is_secret: bool) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if !is_secret {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
