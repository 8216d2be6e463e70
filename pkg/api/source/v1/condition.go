package v1

// Types of conditions. Ready, ArtifactInStorage and SourceVerified tell a state, True or False; all others tell of
// trouble or of work under way and exist only while they are True, as kstatus expects.
const (
	// ConditionReady sums up all other conditions.
	ConditionReady = "Ready"
	// ConditionReconciling says that the agent works on a new generation, a new revision or a retry, or has nothing to serve before a
	// window opens.
	ConditionReconciling = "Reconciling"
	// ConditionStalled says that nothing is tried again before somebody changes the object.
	ConditionStalled = "Stalled"
	// ConditionArtifactInStorage says that the artifact of the status is in the store and served.
	ConditionArtifactInStorage = "ArtifactInStorage"
	// ConditionArtifactOutdated says that the registry holds a newer revision than the status.
	ConditionArtifactOutdated = "ArtifactOutdated"
	// ConditionFetchFailed says that the artifact could not be had from the registry.
	ConditionFetchFailed = "FetchFailed"
	// ConditionStorageOperationFailed says that the artifact could not be kept on the agent's disk.
	ConditionStorageOperationFailed = "StorageOperationFailed"
	// ConditionSourceVerified tells whether the artifact's signature is trusted. It exists where spec.verify does.
	ConditionSourceVerified = "SourceVerified"
	// ConditionUpdatePending says that the spec asks for something new, which is not adopted before a window opens.
	ConditionUpdatePending = "UpdatePending"
)

// Reasons of conditions and events.
const (
	ReasonSucceeded              = "Succeeded"
	ReasonProgressingWithRetry   = "ProgressingWithRetry"
	ReasonNewRevision            = "NewRevision"
	ReasonNewArtifact            = "NewArtifact" // of an event only
	ReasonURLInvalid             = "URLInvalid"
	ReasonPolicyViolation        = "PolicyViolation" // the agent's administrator does not permit what the object asks for
	ReasonAuthenticationFailed   = "AuthenticationFailed"
	ReasonReadOperationFailed    = "ReadOperationFailed"
	ReasonPullFailed             = "OCIArtifactPullFailed"
	ReasonLayerOperationFailed   = "OCIArtifactLayerOperationFailed"
	ReasonVerificationError      = "VerificationError"
	ReasonArchiveOperationFailed = "ArchiveOperationFailed"
	ReasonWindowInvalid          = "WindowInvalid" // the annotation that says when to adopt cannot be read
	ReasonWindowClosed           = "WindowClosed"  // what the spec asks for waits
	ReasonStandingBack           = "StandingBack"  // of an event only: another controller writes the object
)

// Keys of annotations, and of the status's artifact metadata.
const (
	// AnnotationReconcileRequest on an object asks for a reconcile at once, whenever its value changes.
	AnnotationReconcileRequest = "reconcile.fluxcd.io/requestedAt"
	// AnnotationRevision and AnnotationDigest on an event name the artifact that it tells of.
	AnnotationRevision = Group + "/revision"
	AnnotationDigest   = Group + "/digest"
	// AnnotationWindow on an object says when anything new is adopted: cron expressions, each with how long the window stays open.
	AnnotationWindow = "kubectl-oci.dev/window"
	// AnnotationAdopt on an object is the digest of a manifest that is adopted outside the windows too.
	AnnotationAdopt = "kubectl-oci.dev/adopt"
	// MetadataSource names where the artifact came from, <host>/<repository>@<manifest digest>, so that any replica can
	// fetch it again.
	MetadataSource = "kubectl-oci.dev/source"
)

// FinalizerFlux is the finalizer that source-controller adds. The agent adds none and removes this one where it is found.
const FinalizerFlux = "finalizers.fluxcd.io"
