package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Expression is what an attestation has to say, in CEL. It sees the statement that was signed: predicate, predicateType and subject. It
// does not change, and is safe for concurrent use.
type Expression struct {
	text    string
	program cel.Program
}

// Bounds of an expression, whatever it says and whatever it is held against. CEL's own measure of cost is of no use here: it does not see
// what values without a type cost, and keeping count takes longer than the evaluation.
const (
	maxExpression = 8 << 10 // bytes
	maxNesting    = 64      // of the text
	maxEvaluation = 5 * time.Second
	checkEvery    = 1 // steps of a loop, between two looks at the time
)

// ParseExpression reads an expression that is true or false, as in
//
//	predicate.buildDefinition.buildType == "https://example.com/build/v1"
//
// The error says where it is wrong.
func ParseExpression(text string) (*Expression, error) {
	program, err := compile(text)
	if err != nil {
		return nil, fmt.Errorf("parse expression %s: %w", (&Expression{text: text}).shown(), err)
	}
	return &Expression{text, program}, nil
}

func compile(text string) (cel.Program, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("it has more than %d bytes", maxExpression)
	}
	env, err := cel.NewEnv(
		cel.Variable("predicate", cel.DynType),
		cel.Variable("predicateType", cel.StringType),
		cel.Variable("subject", cel.ListType(cel.DynType)),
		cel.CrossTypeNumericComparisons(true), // numbers of JSON are floating, those that people write are not
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(maxExpression),
	)
	if err != nil {
		return nil, err
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, expressionMistake(text, issues.Errors()[0]) // others follow from the first
	}
	if !tree.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it is not known to be true or false, but %s: compare it with something, as in … == true", tree.OutputType())
	}
	if err := modest(tree.NativeRep()); err != nil {
		return nil, err
	}
	return env.Program(tree, cel.InterruptCheckFrequency(checkEvery))
}

// modest refuses what makes large values of small ones: texts and lists that are joined. Numbers and times may be added.
func modest(tree *ast.AST) error {
	var err error
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Add || ofMacro(e.AsCall()) {
			return
		}
		switch tree.GetType(e.ID()).Kind() {
		case types.IntKind, types.UintKind, types.DoubleKind, types.DurationKind, types.TimestampKind:
		default:
			err = errors.New("it joins texts or lists, or what may be some, with +: compare the parts, or write int(…) around numbers")
		}
	}))
	return err
}

// ofMacro tells whether it is how a macro collects its results, in a variable with a name that nobody can write.
func ofMacro(call ast.CallExpr) bool {
	first := call.Args()[0]
	return first.Kind() == ast.IdentKind && strings.HasPrefix(first.AsIdent(), "@")
}

// String is the text that was parsed; of no expression, the empty one.
func (x *Expression) String() string {
	if x == nil {
		return ""
	}
	return x.text
}

// shown is the text as messages have it: in one line, and cut.
func (x *Expression) shown() string { return "'" + readable(errors.New(x.text)) + "'" }

// errEvaluation says nothing about the attestation: this machine may have too much to do.
var errEvaluation = fmt.Errorf("it takes longer than %s", maxEvaluation)

// judge holds a verified attestation against the expression. The error is a miss, unless the context is over.
func (x *Expression) judge(ctx context.Context, e *entity) error {
	if x == nil {
		return nil
	}
	holds, err := x.holds(ctx, e)
	switch {
	case ctx.Err() != nil:
		return &Error{KindUnreachable, readable(context.Cause(ctx)), context.Cause(ctx)}
	case errors.Is(err, errEvaluation):
		return miss(KindUnreachable, "%s cannot be held against %s: %w", e.name, x.shown(), err)
	case err != nil:
		return miss(KindUnmet, "%s does not satisfy %s: %s", e.name, x.shown(), readable(err))
	case !holds:
		return miss(KindUnmet, "%s does not satisfy %s", e.name, x.shown())
	}
	return nil
}

func (x *Expression) holds(ctx context.Context, e *entity) (bool, error) {
	payload, err := e.statedPayload()
	if err != nil {
		return false, err
	}
	var statement map[string]any
	if err := json.Unmarshal(payload, &statement); err != nil {
		return false, err
	}
	return x.evaluate(ctx, maxEvaluation, statement)
}

// evaluate never panics: cel-go turns panics into errors.
func (x *Expression) evaluate(ctx context.Context, limit time.Duration, statement map[string]any) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errEvaluation)
	defer cancel()
	value, _, err := x.program.ContextEval(ctx, statement)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil:
		return false, err
	}
	holds, ok := value.Value().(bool)
	if !ok {
		return false, fmt.Errorf("it is neither true nor false but %s", value.Type())
	}
	return holds, nil
}
