//! Enums whose values have names: on the wire, in databases and in APIs.

/// An enum with a name for each value, and the error for a text that is none of them.
#[macro_export]
macro_rules! named {
    (
        $(#[$doc:meta])*
        pub enum $name:ident {
            $(#[$first_doc:meta])* $first:ident = $first_text:literal,
            $($(#[$value_doc:meta])* $value:ident = $text:literal,)*
        }

        $(#[$error_doc:meta])*
        pub struct $error:ident;
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[$first_doc])*
            $first,
            $($(#[$value_doc])* $value,)*
        }

        impl $name {
            /// In order.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$value),*];

            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$value => $text,)*
                }
            }

            /// The value's place in the order.
            pub const fn index(self) -> u32 {
                self as u32
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or($error)
            }
        }

        $(#[$error_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $error;

        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!("must be one of ", $first_text, $(", ", $text),*))
            }
        }

        impl std::error::Error for $error {}
    };
}
