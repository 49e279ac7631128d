using System.Globalization;
using System.Text.Json.Nodes;
using Messaging.Contracts;
using Microsoft.OpenApi;

namespace Messaging.Publisher;

/// <summary>The shapes of bodies, as they are written by hand elsewhere in this project; a test holds the two against each other.</summary>
internal static class ApiSchemas
{
    public static Dictionary<string, IOpenApiSchema> All => new()
    {
        ["OrderRequest"] = Object(["item", "quantity"], ("item", Item), ("quantity", Quantity)),
        ["OrderAcceptance"] = Object(["order_id", "item", "quantity", "status"], ("order_id", Id), ("item", Item), ("quantity", Quantity), ("status", Text("accepted"))),
        ["OrderStatus"] = Status("order_id", "created", ("item", Item), ("quantity", Quantity)),
        ["PaymentRequest"] = Object(["amount"], ("amount", Amount), ("currency", OptionalCurrency)),
        ["PaymentAcceptance"] = Object(["payment_id", "amount", "currency", "status"], ("payment_id", Id), ("amount", Amount), ("currency", Currency), ("status", Text("accepted"))),
        ["PaymentStatus"] = Status("payment_id", "captured", ("amount", Amount), ("currency", Currency)),
        ["Problem"] = Problem,
    };

    private static OpenApiSchema Item => new() { Type = JsonSchemaType.String, MinLength = 1, MaxLength = SubmitOrder.MaxItemLength };

    private static OpenApiSchema Quantity => new() { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = SubmitOrder.MaxQuantity.ToString(CultureInfo.InvariantCulture) };

    private static OpenApiSchema Amount => new()
    {
        Type = JsonSchemaType.Number,
        ExclusiveMinimum = "0",
        Maximum = CapturePayment.MaxAmount.ToString(CultureInfo.InvariantCulture),
        Description = $"In units of the currency, with at most {CapturePayment.MaxDecimals} decimals.",
    };

    private static OpenApiSchema Currency => new() { Type = JsonSchemaType.String, Pattern = "^[A-Z]{3}$", Description = "ISO 4217." };

    private static OpenApiSchema OptionalCurrency => new() { Type = JsonSchemaType.String | JsonSchemaType.Null, Pattern = "^[A-Z]{3}$", Description = "ISO 4217; the service has a default." };

    private static OpenApiSchema Id => new() { Type = JsonSchemaType.String, Format = "uuid" };

    private static OpenApiSchema Time => new() { Type = JsonSchemaType.String, Format = "date-time" };

    private static OpenApiSchema Problem => Object(
        ["type", "title", "status", "detail", "code"],
        ("type", new OpenApiSchema { Type = JsonSchemaType.String, Format = "uri", Description = "Leads to a page that explains it; ends in the code." }),
        ("title", Text()),
        ("status", new OpenApiSchema { Type = JsonSchemaType.Integer }),
        ("detail", Text()),
        ("code", Text([.. ProblemType.All.Keys])),
        ("errors", new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "For validation: what is wrong, by member; $ is the body as a whole.",
            AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = Text() },
        }),
        ("trace_id", Text()));

    private static OpenApiSchema Status(string id, string effect, params (string Name, OpenApiSchema Schema)[] submitted) => Object(
        [id, .. submitted.Select(member => member.Name), "status", "accepted_at", "key_expires_at"],
        [
            (id, Id),
            .. submitted,
            ("status", Text("accepted", effect, "failed", "parked")),
            ("result", new OpenApiSchema { Type = JsonSchemaType.Object, Description = "What the effect gave." }),
            ("error", Object(["code", "detail"], ("code", Text()), ("detail", Text()))),
            ("accepted_at", Time),
            ("completed_at", Time),
            ("key_expires_at", Time),
        ]);

    private static OpenApiSchema Text(params string[] values) => new()
    {
        Type = JsonSchemaType.String,
        Enum = values.Length == 0 ? null : [.. values.Select(value => (JsonNode)value)],
    };

    private static OpenApiSchema Object(string[] required, params (string Name, OpenApiSchema Schema)[] members) => new()
    {
        Type = JsonSchemaType.Object,
        Required = new HashSet<string>(required),
        Properties = members.ToDictionary(member => member.Name, member => (IOpenApiSchema)member.Schema),
    };
}
