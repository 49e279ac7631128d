using System.Globalization;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Payments: the balance is the exact sum of the ledger, whoever adds at once.</summary>
public abstract class BalanceContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task Amounts_add_up_exactly_one_by_one_and_in_a_batch()
    {
        var engine = await StartEngineAsync();
        (string Amounts, string Sum)[] cases =
        [
            ("0.1 0.2", "0.3"),
            ("0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1", "1.0"),
            ("99999999999.9999 99999999999.9999 0.0001 0.0001", "200000000000.0000"),
            ("0.0001 1000 0.0009 12345678901.2345", "12345679901.2355"),
            ("100 100.0 100.00 1e2", "400"),
        ];

        foreach (var (amounts, sum) in cases)
        {
            var each = amounts.Split(' ').Select(a => decimal.Parse(a, NumberStyles.Float, CultureInfo.InvariantCulture)).ToList();
            foreach (var (i, amount) in each.Index())
            {
                await engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment($"key-{i}", amount, "one by one " + sum));
            }

            await engine.ProcessAsync(CapturePayment.Operation, each.Select((amount, i) => Message.OfPayment($"key-{i}", amount, "together " + sum)));

            await AssertBalanceAsync(engine, decimal.Parse(sum, CultureInfo.InvariantCulture), each.Count, "one by one " + sum);
            await AssertBalanceAsync(engine, decimal.Parse(sum, CultureInfo.InvariantCulture), each.Count, "together " + sum);
        }
    }

    [Fact]
    public async Task First_payments_of_one_client_over_two_engines_are_one_balance()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];

        await Task.WhenAll(Enumerable.Range(0, 60).Select(i => engines[i % 2].ProcessAsync(CapturePayment.Operation, Message.OfPayment($"key-{i / 2}", 0.07m))));

        await AssertBalanceAsync(engines[0], 30 * 0.07m, 30);
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Fact]
    public async Task Payments_of_several_clients_in_opposite_orders_neither_fail_nor_mix()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];
        string[] clients = ["acme", "Acme", "zeta", "beta"];

        await Task.WhenAll(Enumerable.Range(0, 80).Select(i =>
        {
            var client = i % 2 == 0 ? clients[i / 2 % 4] : clients[3 - (i / 2 % 4)];
            return engines[i % 2].ProcessAsync(CapturePayment.Operation, Message.OfPayment($"key-{i}", 1.25m, client));
        }));

        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        Assert.Equal(4, await Tables.CountAsync("balances"));
        foreach (var client in clients)
        {
            await AssertBalanceAsync(engines[0], 25m, 20, client);
        }
    }

    [Fact]
    public async Task Captured_payments_are_not_left_out_by_a_synchronous_save()
    {
        var engine = await StartEngineAsync();
        await using var scope = engine.Services.CreateAsyncScope();
        var database = scope.ServiceProvider.GetRequiredService<ConsumerContext>();
        database.CapturedPayments.Add(new LedgerEntry
        {
            Id = Guid.CreateVersion7(), PaymentId = Guid.CreateVersion7(), Client = Message.Client, IdempotencyKey = "key", Amount = 5, Currency = "EUR", CapturedAt = DateTimeOffset.UnixEpoch,
        });

        var refusal = Record.Exception(() => database.SaveChanges());
        Assert.Contains("SaveChangesAsync", Assert.IsType<InvalidOperationException>(refusal).Message, StringComparison.Ordinal);
        Assert.Equal(0, await Tables.CountAsync("ledger"));

        await database.SaveChangesAsync(Cancelled);
        await AssertBalanceAsync(engine, 5, 1);
    }

    private static async Task AssertBalanceAsync(Engine engine, decimal sum, int entries, string client = Message.Client)
    {
        await using var scope = engine.Services.CreateAsyncScope();
        var database = scope.ServiceProvider.GetRequiredService<ConsumerContext>();
        var ledger = await database.Ledger.Where(e => e.Client == client).Select(e => e.Amount).ToListAsync(Cancelled);
        var balance = await database.Balances.SingleAsync(b => b.Client == client, Cancelled);
        Assert.Equal((entries, sum, sum, "EUR"), (ledger.Count, ledger.Sum(), balance.Amount, balance.Currency));
    }
}

public sealed class BalanceOnSqlite(SharedServers servers) : BalanceContract(servers, DatabaseProvider.Sqlite);

public sealed class BalanceOnPostgreSql(SharedServers servers) : BalanceContract(servers, DatabaseProvider.PostgreSql);

public sealed class BalanceOnSqlServer(SharedServers servers) : BalanceContract(servers, DatabaseProvider.SqlServer);
