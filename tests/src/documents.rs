//! The commands that Markdown documents show.

/// What a document tells people to type: the content of its `sh` blocks, in order.
pub fn commands(markdown: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in markdown.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => script.extend([command, "\n"]),
            (false, _) => {}
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_commands() {
        let text =
            "# A\n```sh\nmake up\n```\ntext\n```mermaid\nflowchart\n```\n```sh\ncurl \\\n  -i x\n```\n";
        assert_eq!(commands(text), "make up\ncurl \\\n  -i x\n");
    }
}
