//! Methods of the API's `rpc` that the program around the server brings along.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::task::JoinSet;
use wavecast_protocol::centrifuge::{Error, json};

/// A result that is on its way.
type Returning = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send>>;
type Procedure = Arc<dyn Fn(Vec<u8>) -> Returning + Send + Sync>;

/// Rust functions that a back end can call by name, with `POST /api/rpc`. None at the start.
#[derive(Default)]
pub struct Procedures(RwLock<HashMap<Box<str>, Procedure>>);

impl Procedures {
    /// Lets `procedure` answer to a name; another one of that name is replaced. It gets the call's `params` as JSON (`null`
    /// where there are none) and returns JSON, or an error of the protocol for the caller.
    ///
    /// It runs on the server's runtime and must not block. One that panics or returns no JSON is answered for with error
    /// 100, one that takes longer than `http_api.timeout` is dropped, and answered for with 111.
    ///
    /// ```no_run
    /// # fn with(node: &wavecast_server::Node) {
    /// node.procedures().register("add", |params| async move {
    ///     let numbers: Vec<f64> = serde_json::from_slice(&params)
    ///         .map_err(|_| wavecast_protocol::centrifuge::Error::BAD_REQUEST)?;
    ///     Ok(numbers.iter().sum::<f64>().to_string().into_bytes())
    /// });
    /// # }
    /// ```
    pub fn register<P, R>(&self, name: &str, procedure: P)
    where
        P: Fn(Vec<u8>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<u8>, Error>> + Send + 'static,
    {
        let procedure: Procedure = Arc::new(move |params| Box::pin(procedure(params)));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), procedure);
    }

    /// Forgets them all, and what they hold.
    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Calls one. Dropped, it is dropped with it.
    ///
    /// # Errors
    /// 104 for a name that none has, 100 for one that fails, and what it returns itself.
    pub(crate) async fn call(&self, name: &str, params: Vec<u8>) -> Result<Vec<u8>, Error> {
        let procedure = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone);
        let procedure = procedure.ok_or(Error::METHOD_NOT_FOUND)?;
        // A task of its own: what panics in it must not take the caller's connection along.
        let mut task = JoinSet::new();
        task.spawn(async move { procedure(params).await });
        let Some(Ok(returned)) = task.join_next().await else {
            tracing::error!(name, "a procedure has panicked: error 100");
            return Err(Error::INTERNAL);
        };
        match json::compact(&returned?) {
            Ok(data) => Ok(data.into_owned()),
            Err(problem) => {
                tracing::error!(name, %problem, "a procedure has returned what is no JSON: error 100");
                Err(Error::INTERNAL)
            }
        }
    }
}

impl fmt::Debug for Procedures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let procedures = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(procedures.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn they_are_called_by_name_and_their_faults_stay_theirs() {
        let procedures = Procedures::default();
        procedures.register("echo", |params| async move { Ok(params) });
        procedures.register("refuse", |_| async { Err(Error::PERMISSION_DENIED) });
        procedures.register("nonsense", |_| async { Ok(b"{".to_vec()) });
        procedures.register("panic", |params| async move {
            assert!(params.is_empty(), "on purpose");
            Ok(params)
        });
        for (name, expected) in [
            ("echo", Ok(b"[1]".to_vec())),
            ("refuse", Err(Error::PERMISSION_DENIED)),
            ("nonsense", Err(Error::INTERNAL)),
            ("panic", Err(Error::INTERNAL)),
            ("nobody", Err(Error::METHOD_NOT_FOUND)),
        ] {
            assert_eq!(procedures.call(name, b"[1]".to_vec()).await, expected, "{name}");
        }
        procedures.register("echo", |_| async { Ok(b"2".to_vec()) });
        assert_eq!(procedures.call("echo", b"[1]".to_vec()).await, Ok(b"2".to_vec()), "replaced");
    }
}
