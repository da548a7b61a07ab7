//! `profile`: which control plane is talked to, and as whom, under names.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::set::Set;
use super::{End, Failure};
use crate::{
    output::{self, Format, profiles as shown},
    profiles::{ProfileName, ProfilesError, ProfilesFile},
    settings::OutputSettings,
};

mod set;

#[derive(Args, Debug)]
pub(super) struct Profile {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the profiles.
    List(List),
    /// Show a profile, without its token.
    Show(Show),
    /// Make a profile the one that counts where none is named.
    Use(Use),
    /// Make a profile, or change one.
    Set(Set),
    /// Remove a profile.
    Delete(Delete),
}

#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: OutputSettings,
}

#[derive(Args, Debug)]
struct Show {
    /// The profile; the current one where none is named.
    #[arg(value_name = "NAME")]
    name: Option<ProfileName>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: OutputSettings,
}

#[derive(Args, Debug)]
struct Use {
    /// The profile.
    #[arg(value_name = "NAME", required_unless_present = "none")]
    name: Option<ProfileName>,
    /// None of them: only flags, variables and defaults count where no profile is named.
    #[arg(long, conflicts_with = "name")]
    none: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Debug)]
struct Delete {
    /// The profile.
    #[arg(value_name = "NAME")]
    name: ProfileName,
    #[command(flatten)]
    place: Place,
}

/// Where the profiles are.
#[derive(Args, Debug)]
struct Place {
    /// The file of the profiles. By default `$XDG_CONFIG_HOME/pointsman/profiles.yaml`, or
    /// `~/.config/pointsman/profiles.yaml`.
    #[arg(long, env = "POINTSMAN_PROFILES_FILE", value_name = "FILE")]
    profiles_file: Option<PathBuf>,
}

impl Profile {
    pub(super) async fn run(self) -> Result<End, Failure> {
        match self.what {
            What::List(list) => list.run(),
            What::Show(show) => show.run(),
            What::Use(r#use) => r#use.run(),
            What::Set(set) => set.run(),
            What::Delete(delete) => delete.run(),
        }?;
        Ok(End::Fine)
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let profiles = self.place.file()?.read()?;
        print(self.output.alone(), shown::document_of_all(&profiles), || shown::all(&profiles))
    }
}

impl Show {
    fn run(self) -> Result<(), Failure> {
        let file = self.place.file()?;
        let profiles = file.read()?;
        let Some(name) = self.name.as_ref().or(profiles.current.as_ref()) else {
            return Err(Failure::Usage(
                "no profile is the current one; name one, or choose one with `pointsman profile use NAME`"
                    .to_owned(),
            ));
        };
        let profile = profiles.find(name).map_err(|none| file.none(none))?;
        let is_current = profiles.current.as_ref() == Some(name);
        print(self.output.alone(), shown::document(name, profile, is_current), || {
            shown::one(name, profile, is_current)
        })
    }
}

impl Use {
    fn run(self) -> Result<(), Failure> {
        let file = self.place.file()?;
        let mut profiles = file.read()?;
        if let Some(name) = &self.name {
            profiles.find(name).map_err(|none| file.none(none))?;
        }
        profiles.current = self.name;
        file.write(&profiles)?;
        say(&match &profiles.current {
            Some(name) => format!("profile `{name}` is the current one\n"),
            None => "no profile is the current one\n".to_owned(),
        })
    }
}

impl Delete {
    fn run(self) -> Result<(), Failure> {
        let file = self.place.file()?;
        let mut profiles = file.read()?;
        let Self { name, .. } = self;
        profiles.find(&name).map_err(|none| file.none(none))?;
        profiles.all.remove(&name);
        let was_current = profiles.current.take_if(|current| *current == name).is_some();
        file.write(&profiles)?;
        let current = if was_current { "; no profile is the current one now" } else { "" };
        say(&format!("profile `{name}` is removed{current}\n"))
    }
}

impl Place {
    fn file(&self) -> Result<ProfilesFile, ProfilesError> {
        ProfilesFile::new(self.profiles_file.as_deref()).ok_or(ProfilesError::NoPlace)
    }
}

fn print(
    format: Option<Format>,
    document: crate::manifest::Node,
    for_people: impl FnOnce() -> String,
) -> Result<(), Failure> {
    say(&match format {
        Some(format) => crate::manifest::write_node(&document, format)?,
        None => for_people(),
    })
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(output::print(text)?)
}
