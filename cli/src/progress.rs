//! A progress bar on stderr, where somebody can see it.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Global;

/// What decides whether progress is shown.
#[derive(Clone, Copy, Debug)]
struct Surroundings {
    quiet: bool,
    verbose: bool,
    is_terminal: bool,
    is_ci: bool,
}

/// Whether to show progress.
const fn is_shown(around: Surroundings) -> bool {
    around.is_terminal && !around.is_ci && !around.quiet && !around.verbose
}

/// A bar over `runs` runs.
pub(crate) fn bar(global: &Global, runs: u64) -> ProgressBar {
    let shown = is_shown(Surroundings {
        quiet: global.quiet,
        verbose: global.verbose > 0,
        is_terminal: std::io::stderr().is_terminal(),
        is_ci: std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false"),
    });
    if !shown {
        return ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len} runs, {eta} left")
        .expect("the template is well-formed");
    ProgressBar::new(runs).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_for_people_who_watch() {
        let watched = Surroundings {
            quiet: false,
            verbose: false,
            is_terminal: true,
            is_ci: false,
        };
        assert!(is_shown(watched));
        let cases = [
            Surroundings {
                quiet: true,
                ..watched
            },
            Surroundings {
                verbose: true,
                ..watched
            },
            Surroundings {
                is_terminal: false,
                ..watched
            },
            Surroundings {
                is_ci: true,
                ..watched
            },
        ];
        for around in cases {
            assert!(!is_shown(around), "{around:?}");
        }
    }
}
