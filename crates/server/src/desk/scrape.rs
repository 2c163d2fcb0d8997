//! The endpoint of metrics: which of two formats somebody wants. Who listens for the requests does not matter here.

use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::{ACCEPT, VARY};

use super::answer::{self, Answer};
use super::backend::Backend;
use crate::metrics::Form;

/// Answers with all metrics, in the format that is asked for.
pub(super) fn answer<B: Backend>(backend: &B, asked: &HeaderMap) -> Answer {
    let form = form(asked);
    let content_type = match form {
        Form::Text => "text/plain; version=0.0.4; charset=utf-8",
        Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let answer = answer::bytes(StatusCode::OK, content_type, backend.scrape(form));
    answer::with(answer, VARY, "accept")
}

/// OpenMetrics for who names it and likes it no less than text (RFC 9110 §12.5.1); text for everybody else.
fn form(asked: &HeaderMap) -> Form {
    let fields = asked.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut text, mut open_metrics) = (0, 0);
    for range in fields.flat_map(|field| field.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|parameter| parameter.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
            .collect();
        let parameter =
            |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let quality = parameter("q").map_or(1000, thousandths);
        match (kind.as_str(), parameter("version")) {
            ("application/openmetrics-text", None | Some("1.0.0")) => {
                open_metrics = quality.max(open_metrics);
            }
            ("text/plain", None | Some("0.0.4")) => text = quality.max(text),
            _ => {}
        }
    }
    if open_metrics > 0 && open_metrics >= text { Form::OpenMetrics } else { Form::Text }
}

/// A quality of at most three digits behind the point; 0 for what is none.
fn thousandths(quality: &str) -> u32 {
    let quality: f64 = quality.parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&quality) { (quality * 1000.0).round() as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        let of = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            form(&headers)
        };
        // Prometheus 3 and 2, as they ask by default.
        for accept in [
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1",
        ] {
            assert_eq!(of(accept), Form::OpenMetrics, "{accept}");
        }
        for accept in [
            "*/*",
            "",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
            "application/openmetrics-text;version=0.0.1",
            ";;,=;q=",
        ] {
            assert_eq!(of(accept), Form::Text, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new()), Form::Text);
    }
}
