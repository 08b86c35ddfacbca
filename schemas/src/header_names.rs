//! How header names are declared: once, with words that Rust's and AsyncAPI's documentation share.

/// Constants for the names of record headers, and `ALL`: each name with its documentation as text.
macro_rules! header_names {
    ($($(#[doc = $about:literal])+ $constant:ident = $name:literal;)+) => {
        $($(#[doc = $about])+ pub const $constant: &str = $name;)+

        /// Every name, with what its header holds.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($name, concat!($($about),+))),+];
    };
}

pub(crate) use header_names;
