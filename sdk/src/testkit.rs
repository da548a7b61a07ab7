//! Tests of a preprocessor from a JSON file.
//!
//! ```json
//! {
//!   "cases": [
//!     {
//!       "name": "a known customer",
//!       "request": {
//!         "method": "POST",
//!         "pathFragment": "orders/7",
//!         "query": "shop=eu",
//!         "headers": {"content-type": "application/json", "x-many": ["one", "two"]},
//!         "bodyJson": {"customerId": "A06DFFAC"}
//!       },
//!       "expect": {"results": {"customerExternalId": "progix-1001"}}
//!     },
//!     {
//!       "name": "an unknown one",
//!       "request": {"bodyJson": {"customerId": "?"}},
//!       "expect": {"refusal": {"code": "NOT_FOUND", "message": "customerId"}}
//!     }
//!   ]
//! }
//! ```
//!
//! In a test, in the same process or (with [`Remote`]) over a socket against a service in any language:
//!
//! ```no_run
//! # use pointsman_sdk::{Preprocessor, testkit::{self, Remote}};
//! # async fn example(preprocessor: impl Preprocessor) -> Result<(), Box<dyn std::error::Error>> {
//! testkit::check(&preprocessor, "tests/cases.json").await?;
//! testkit::check(&Remote::connect("http://127.0.0.1:50061").await?, "tests/cases.json").await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Sample`] says all that a request can hold, an [`Expectation`] all that can be expected.

use std::{fmt, path::Path, time::Duration};

pub use self::{
    case::{Case, CaseFile, CaseFileError, Sample, SampleError},
    expectation::{Expectation, ExpectedRefusal, Routing},
    remote::{Remote, RemoteError},
};
use crate::Preprocessor;

mod case;
mod expectation;
mod remote;
mod text;

/// How long a preprocessor may take for one case: the edge's default deadline.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Runs all cases of a file. Answers how many there were, or all that failed, each with what differs.
pub async fn check<P>(preprocessor: &P, file: impl AsRef<Path>) -> Result<usize, CheckError>
where
    P: Preprocessor + ?Sized,
{
    let CaseFile { path, cases, .. } = CaseFile::<Expectation>::read(file)?;
    let mut failures = Vec::new();
    for case in &cases {
        let differences =
            match tokio::time::timeout(TIMEOUT, preprocessor.preprocess(case.request.to_request())).await {
                Ok(answer) => case.expect.differences(&answer),
                Err(_) => vec![format!("it did not answer within {TIMEOUT:?}")],
            };
        if !differences.is_empty() {
            failures.push(CaseFailure { name: case.name.clone(), differences });
        }
    }
    if failures.is_empty() {
        Ok(cases.len())
    } else {
        Err(CheckError::Failed {
            file: path.display().to_string(),
            cases: cases.len(),
            failures: Failures(failures),
        })
    }
}

/// Why [`check`] is not content. For tests, its debug form is as readable as its text.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] CaseFileError),
    /// Cases failed.
    #[error("{} of {cases} cases of {file} failed{failures}", failures.0.len())]
    Failed {
        /// The file.
        file: String,
        /// How many cases it holds.
        cases: usize,
        /// Those that failed.
        failures: Failures,
    },
}

impl fmt::Debug for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The cases that failed.
#[derive(Debug)]
pub struct Failures(pub Vec<CaseFailure>);

/// A case that failed.
#[derive(Debug)]
pub struct CaseFailure {
    /// Its name.
    pub name: String,
    /// What is not as expected, a line each: `results.flowName: expected "A", got "B"`.
    pub differences: Vec<String>,
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CaseFailure { name, differences } in &self.0 {
            write!(f, "\n{name}:")?;
            for difference in differences {
                write!(f, "\n  {difference}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
