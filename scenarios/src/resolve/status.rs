//! What those outside are told, and by when.

use firedrill_core::Micros;
use firedrill_core::incident::{Audience, Severity, StatusPolicy};
use firedrill_sim::spec::{LogNormal, StatusPosts};

use crate::file::{StatusPolicyFile, StatusPostsFile};
use crate::place::At;

use super::context::Context;
use super::fleet::distribution;
use super::world::above_zero;

/// What writing takes, and how long before a deadline it is begun. Assumptions.
const WRITING: LogNormal = LogNormal {
    median: Micros::from_mins(3),
    sigma: 0.5,
};
const REMINDED: Micros = Micros::from_mins(6);

pub(super) fn resolve(
    context: &mut Context,
    file: &At<StatusPostsFile>,
    has_teams: bool,
) -> StatusPosts {
    let (place, file) = (file.place, &file.value);
    if !has_teams {
        let message = "nobody posts: only teams declare an incident".to_owned();
        context.report("scenario::nobody-posts", place, message, |problem| {
            problem
                .label("without `teams`")
                .help("say who is on call under `teams`, or leave this out")
        });
    }
    let listed = [
        (Audience::Internal, &file.internal),
        (Audience::Public, &file.public),
    ];
    if listed.iter().all(|(_, page)| page.is_none()) {
        let message = "nobody is told anything".to_owned();
        context.report("scenario::no-readers", place, message, |problem| {
            problem
                .label("neither `internal` nor `public`")
                .help("name one of them; `public: {}` takes the usual times")
        });
    }
    let pages = listed
        .into_iter()
        .filter_map(|(audience, page)| Some((audience, policy(context, page.as_ref()?, audience))));
    StatusPosts {
        pages: pages.collect(),
        writing: file.writing.as_ref().map_or(WRITING, |writing| {
            distribution(context, writing, "the writing of a post")
        }),
        reminded: file.reminded.as_ref().map_or(REMINDED, |reminded| {
            context.read(reminded, "how long before its deadline an update is begun")
        }),
    }
}

fn policy(context: &mut Context, file: &StatusPolicyFile, audience: Audience) -> StatusPolicy {
    let usual = StatusPolicy::usual(audience);
    let mut time = |scalar: &Option<_>, usual, what| {
        scalar
            .as_ref()
            .map_or(usual, |scalar| above_zero(context, scalar, what))
    };
    let first_within = time(&file.first_within, usual.first_within, "the first post");
    let update_every = time(&file.update_every, usual.update_every, "the next post");
    let final_within = time(&file.final_within, usual.final_within, "the last post");
    let from = file.from_severity.as_ref().map_or(usual.from, |scalar| {
        let what = "the least severity that is told of";
        let number = context.read(scalar, what);
        let severity = usize::try_from(number).ok();
        let severity = severity.and_then(|number| Severity::ALL.get(number).copied());
        severity.unwrap_or_else(|| {
            context.out_of_range(scalar, what, "0 to 4");
            usual.from
        })
    });
    StatusPolicy {
        from,
        first_within,
        update_every,
        final_within,
    }
}
