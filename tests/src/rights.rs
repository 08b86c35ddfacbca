//! What accounts of a cluster may do, asked of its API server as them.

use k8s_openapi::api::authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use kube::{Api, Client, Config, api::PostParams};

/// The operator's account, as `namespace:name`.
pub const OPERATOR: &str = "edalab:edalab-operator";

/// What the operator may do, as it was reviewed: a new right shows up as a difference.
pub fn reviewed() -> &'static str {
    include_str!("../operator-rights.txt").trim_end()
}

/// What an account (`namespace:name`) may do in the namespace `within`, beyond asking what it may do, as everybody may:
/// one line for each rule, sorted.
pub async fn of(config: &Config, account: &str, within: &str) -> Result<String, kube::Error> {
    let mut config = config.clone();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{account}"));
    config.auth_info.impersonate_groups =
        Some(["system:serviceaccounts", "system:authenticated"].map(String::from).to_vec());
    let reviews: Api<SelfSubjectRulesReview> = Api::all(Client::try_from(config)?);
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec { namespace: Some(within.to_owned()) },
        ..SelfSubjectRulesReview::default()
    };
    let told = reviews.create(&PostParams::default(), &review).await?.status.unwrap_or_default();
    let list = |items: Option<Vec<String>>| items.unwrap_or_default().join(",");
    let mut lines: Vec<String> = told
        .resource_rules
        .into_iter()
        .map(|rule| {
            let names = list(rule.resource_names);
            let names = if names.is_empty() { names } else { format!(" [{names}]") };
            format!("{}: {}{names}: {}", list(rule.api_groups), list(rule.resources), rule.verbs.join(","))
        })
        .filter(|line| {
            !line.starts_with("authorization.k8s.io") && !line.starts_with("authentication.k8s.io")
        })
        .collect();
    lines.sort();
    Ok(lines.join("\n"))
}
