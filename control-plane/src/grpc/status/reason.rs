//! The reasons of errors: stable, for programs. `docs/admin-api.md` lists them all.

use tonic::Code;

use crate::labelled::labelled;

labelled! {
    /// Why a call failed. A write that would break a rule across resources has that rule as its reason.
    pub(crate) enum Reason {
        /// There is one of that name.
        AlreadyExists = "ALREADY_EXISTS",
        /// The answer is longer than a message may be.
        AnswerTooLarge = "ANSWER_TOO_LARGE",
        /// Something else came first.
        Aborted = "ABORTED",
        /// The caller has gone.
        Cancelled = "CANCELLED",
        /// Nobody knows the customer that was looked up.
        CustomerUnknown = "CUSTOMER_UNKNOWN",
        /// Data is lost.
        DataLoss = "DATA_LOSS",
        /// Another program holds the database.
        DatabaseBusy = "DATABASE_BUSY",
        /// The database is damaged.
        DatabaseDamaged = "DATABASE_DAMAGED",
        /// The database cannot be written.
        DatabaseReadOnly = "DATABASE_READ_ONLY",
        /// It took too long.
        DeadlineExceeded = "DEADLINE_EXCEEDED",
        /// The disk has failed.
        DiskFailed = "DISK_FAILED",
        /// The disk is full.
        DiskFull = "DISK_FULL",
        /// The access token is for another edge.
        EdgeNotBound = "EDGE_NOT_BOUND",
        /// The resource has changed since the caller read it.
        EtagMismatch = "ETAG_MISMATCH",
        /// Several rules would be broken.
        FailedPrecondition = "FAILED_PRECONDITION",
        /// The import was begun in another way.
        ImportDiffers = "IMPORT_DIFFERS",
        /// The import is over.
        ImportOver = "IMPORT_OVER",
        /// An import has another number of rows than was announced.
        ImportRowCount = "IMPORT_ROW_COUNT",
        /// Rows of an import are missing.
        ImportRowsMissing = "IMPORT_ROWS_MISSING",
        /// Another stream goes on with the import.
        ImportTakenOver = "IMPORT_TAKEN_OVER",
        /// The import has more rows than may be.
        ImportTooLarge = "IMPORT_TOO_LARGE",
        /// A fault of ours.
        Internal = "INTERNAL",
        /// Fields are faulty.
        InvalidArgument = "INVALID_ARGUMENT",
        /// The request is longer than a message may be.
        MessageTooLarge = "MESSAGE_TOO_LARGE",
        /// There is none of that name.
        NotFound = "NOT_FOUND",
        /// The access token is not for this resource.
        OutOfScope = "OUT_OF_SCOPE",
        /// The page token is not one of this list.
        PageTokenInvalid = "PAGE_TOKEN_INVALID",
        /// The caller may not do this.
        PermissionDenied = "PERMISSION_DENIED",
        /// Something else would be done than the caller was shown.
        PlanChanged = "PLAN_CHANGED",
        /// The request's id stands for another request.
        RequestIdReused = "REQUEST_ID_REUSED",
        /// More is asked for than there is room for.
        ResourceExhausted = "RESOURCE_EXHAUSTED",
        /// What is kept of a resource breaks the rules of now.
        ResourceUnusable = "RESOURCE_UNUSABLE",
        /// The caller's role is not enough.
        RoleNotEnough = "ROLE_NOT_ENOUGH",
        /// The control plane is stopping.
        Stopping = "STOPPING",
        /// A newer stream of the same edge has taken over.
        StreamReplaced = "STREAM_REPLACED",
        /// The access token has expired.
        TokenExpired = "TOKEN_EXPIRED",
        /// What was sent cannot be an access token.
        TokenMalformed = "TOKEN_MALFORMED",
        /// There is no access token, and there must be one.
        TokenMissing = "TOKEN_MISSING",
        /// The access token was revoked.
        TokenRevoked = "TOKEN_REVOKED",
        /// There is no such access token.
        TokenUnknown = "TOKEN_UNKNOWN",
        /// There are as many access tokens as may be.
        TooManyAccessTokens = "TOO_MANY_ACCESS_TOKENS",
        /// As many imports are under way as may be.
        TooManyImports = "TOO_MANY_IMPORTS",
        /// As many request ids are remembered for the caller as can be.
        TooManyRequestIds = "TOO_MANY_REQUEST_IDS",
        /// As many streams are open as may be.
        TooManyStreams = "TOO_MANY_STREAMS",
        /// Nobody says who asks.
        Unauthenticated = "UNAUTHENTICATED",
        /// It cannot be done just now.
        Unavailable = "UNAVAILABLE",
        /// The request is not the message that the method takes.
        Undecodable = "UNDECODABLE",
        /// There is no such method, or it cannot read what it is sent.
        Unimplemented = "UNIMPLEMENTED",
        /// Nothing is known of it.
        Unknown = "UNKNOWN",
    }
}

impl Reason {
    /// What a code alone says.
    pub(super) const fn of(code: Code) -> Self {
        match code {
            Code::Cancelled => Self::Cancelled,
            Code::InvalidArgument => Self::InvalidArgument,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::FailedPrecondition => Self::FailedPrecondition,
            Code::Aborted => Self::Aborted,
            // Said of a message's length, and of nothing else here.
            Code::OutOfRange => Self::MessageTooLarge,
            Code::Unimplemented => Self::Unimplemented,
            Code::Internal => Self::Internal,
            Code::Unavailable => Self::Unavailable,
            Code::DataLoss => Self::DataLoss,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::Ok | Code::Unknown => Self::Unknown,
        }
    }
}
