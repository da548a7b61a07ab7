//! Enums whose values have stable labels: written once, so that none is forgotten in a list of all of them.

/// Defines an enum of plain values, with `ALL` of them and a `label` for each.
macro_rules! labelled {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $($(#[$doc:meta])* $value:ident = $label:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$doc])* $value,)* }

        impl $name {
            /// Every one.
            $vis const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// Its stable label.
            #[must_use]
            $vis const fn label(self) -> &'static str {
                match self {
                    $(Self::$value => $label,)*
                }
            }
        }
    };
}

pub(crate) use labelled;
