//! A reader with every laxness that readers have: single quotes, backquotes, comments, bare keys and values, any commas,
//! blind escapes, raw control characters. It takes the first or the last of several keys.

use crate::reference::Step;

/// Which of several values of a key it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wins {
    First,
    Last,
}

/// What such a reader finds at `path`; `None` where even it finds no value, or none at all.
pub(super) fn read(document: &str, path: &[Step], wins: Wins) -> Option<String> {
    let mut reader = Reader { rest: document, wins };
    reader.value(Some(path), 0)?
}

struct Reader<'d> {
    rest: &'d str,
    wins: Wins,
}

impl Reader<'_> {
    /// A value; what `path` finds in it. `None` where it has no end.
    fn value(&mut self, path: Option<&[Step]>, depth: usize) -> Option<Option<String>> {
        self.skip_comments()?;
        if depth > 200 {
            return None;
        }
        match self.rest.chars().next()? {
            open @ ('{' | '[') => self.container(open == '{', path, depth),
            quote @ ('"' | '\'' | '`') => {
                let text = self.string(quote)?;
                Some(path.filter(|path| path.is_empty()).map(|_| text))
            }
            _ => {
                let text = self.bare()?;
                Some(path.filter(|path| path.is_empty() && text != "null").map(|_| text))
            }
        }
    }

    fn container(&mut self, is_object: bool, path: Option<&[Step]>, depth: usize) -> Option<Option<String>> {
        self.rest = &self.rest[1..];
        let (mut found, mut index) = (None, 0);
        loop {
            self.skip_comments()?;
            match self.rest.chars().next()? {
                '}' | ']' => {
                    self.rest = &self.rest[1..];
                    return Some(found.flatten());
                }
                ',' | ':' => {
                    self.rest = &self.rest[1..];
                    continue;
                }
                _ => {}
            }
            let inside = if is_object {
                let key = match self.rest.chars().next()? {
                    quote @ ('"' | '\'' | '`') => self.string(quote)?,
                    _ => self.bare()?,
                };
                self.skip_comments()?;
                if !self.rest.starts_with(':') {
                    continue;
                }
                self.rest = &self.rest[1..];
                self.skip_comments()?;
                if self.rest.starts_with([',', '}', ']']) {
                    continue;
                }
                path.and_then(|path| match path {
                    [Step::Key(wanted), rest @ ..] if **wanted == *key => Some(rest),
                    _ => None,
                })
            } else {
                index += 1;
                path.and_then(|path| match path {
                    [Step::Index(wanted), rest @ ..] if *wanted + 1 == index => Some(rest),
                    _ => None,
                })
            };
            let value = self.value(inside, depth + 1)?;
            if inside.is_some() && (found.is_none() || self.wins == Wins::Last) {
                found = Some(value);
            }
        }
    }

    fn string(&mut self, quote: char) -> Option<String> {
        let mut units = Vec::new();
        let mut characters = self.rest[1..].chars();
        loop {
            let character = match characters.next()? {
                '\\' => match characters.next()? {
                    'u' => {
                        let digits: String = (0..4).map_while(|_| characters.next()).collect();
                        units.push(u16::from_str_radix(&digits, 16).unwrap_or(0));
                        continue;
                    }
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    '\n' => continue,
                    other => other,
                },
                end if end == quote => break,
                other => other,
            };
            units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
        }
        self.rest = characters.as_str();
        Some(String::from_utf16_lossy(&units))
    }

    fn bare(&mut self) -> Option<String> {
        let end =
            self.rest.find(|character: char| character.is_whitespace() || "{}[]:,\"'`/#".contains(character));
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn skip_comments(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            let end = if self.rest.starts_with("/*") {
                self.rest.find("*/")? + 2
            } else if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest.find('\n')?
            } else {
                return Some(());
            };
            self.rest = &self.rest[end..];
        }
    }
}
