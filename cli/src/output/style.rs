//! Colours, on terminals only.

use std::{
    env, fmt,
    io::{self, IsTerminal as _},
};

/// Whether an output has colours: it is a terminal, and `NO_COLOR` is not set.
pub(crate) fn colours(terminal: bool) -> bool {
    terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Styles of standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// The style of standard output as it is now.
    pub(crate) fn of_stdout() -> Self {
        Self { colours: colours(io::stdout().is_terminal()) }
    }

    /// Without colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colours: false }
    }

    /// With colours.
    #[cfg(test)]
    pub(crate) fn coloured() -> Self {
        Self { colours: true }
    }

    /// What is another than before.
    pub(crate) fn changed<T: fmt::Display>(self, text: T) -> String {
        self.with("33", text)
    }

    /// What to look at.
    pub(crate) fn bold<T: fmt::Display>(self, text: T) -> String {
        self.with("1", text)
    }

    /// What is beside the point.
    pub(crate) fn dim<T: fmt::Display>(self, text: T) -> String {
        self.with("2", text)
    }

    /// What is as it should be.
    pub(crate) fn good<T: fmt::Display>(self, text: T) -> String {
        self.with("32", text)
    }

    /// What is not.
    pub(crate) fn bad<T: fmt::Display>(self, text: T) -> String {
        self.with("31", text)
    }

    fn with<T: fmt::Display>(self, code: &str, text: T) -> String {
        if self.colours && !text.to_string().is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }
}

/// A text that somebody else wrote, without what a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped: Box<dyn Iterator<Item = char>> =
                if c.is_control() { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) };
            escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(shown("a\u{1b}[31mb\nü"), "a\\u{1b}[31mb\\nü");
    }

    #[test]
    fn no_colours_without_a_terminal() {
        assert!(!colours(false));
    }
}
